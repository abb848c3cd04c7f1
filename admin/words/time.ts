/** Times and spans in words. Pure. */
import type { Words } from './en.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** A running timer: 0:07, 12:34, 1:02:03. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS))
  const pad = (n: number) => String(n).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`
}

export function agoText(ms: number, { ago }: Pick<Words, 'ago'>): string {
  if (ms < 2 * SECOND_MS) return ago.now
  if (ms < MINUTE_MS) return ago.seconds(Math.round(ms / SECOND_MS))
  if (ms < HOUR_MS) return ago.minutes(Math.floor(ms / MINUTE_MS))
  return ago.hours(Math.floor(ms / HOUR_MS))
}

/** The time of day, with the date where it was not today. */
export function clockText(atMs: number, nowMs: number, { locale }: Pick<Words, 'locale'>): string {
  const at = new Date(atMs)
  const isToday = at.toDateString() === new Date(nowMs).toDateString()
  return new Intl.DateTimeFormat(locale, {
    ...(isToday ? {} : { day: 'numeric', month: 'short' }),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).format(at)
}
