/** When people are left in peace. Pure. */

export interface QuietHours {
  /** IANA name, such as Asia/Kolkata. */
  readonly zone: string
  /** Minutes since midnight; a period over midnight has its end before its start, one without length is none. */
  readonly fromMinute: number
  readonly toMinute: number
}

const DAY_MINUTES = 24 * 60
const MINUTE_MS = 60_000

function minuteOfDay(nowMs: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(nowMs)
  const read = (type: 'hour' | 'minute'): number => Number(parts.find((part) => part.type === type)?.value)
  return read('hour') * 60 + read('minute')
}

/** The end of the quiet hours that it is now, milliseconds since 1970; undefined outside of them. */
export function findQuietEndMs(
  nowMs: number,
  { zone, fromMinute, toMinute }: QuietHours,
): number | undefined {
  const lengthMinutes = (toMinute - fromMinute + DAY_MINUTES) % DAY_MINUTES
  const sinceStart = (minuteOfDay(nowMs, zone) - fromMinute + DAY_MINUTES) % DAY_MINUTES
  if (sinceStart >= lengthMinutes) return undefined
  // Where clocks change within them, whoever waits for this looks again.
  return nowMs - (nowMs % MINUTE_MS) + (lengthMinutes - sinceStart) * MINUTE_MS
}

/** `21:00-09:00` */
export function readQuietHours(text: string): Pick<QuietHours, 'fromMinute' | 'toMinute'> {
  const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text)
  if (match === null) throw new Error(`is not of the form 21:00-09:00: ${text}`)
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number)
  return {
    fromMinute: (fromHour ?? 0) * 60 + (fromMinute ?? 0),
    toMinute: (toHour ?? 0) * 60 + (toMinute ?? 0),
  }
}
