import { expect, it } from 'vitest'
import { en } from './en.ts'
import { agoText, clockText, spanText } from './time.ts'

it.each([
  [-5, '0:00'],
  [7_900, '0:07'],
  [754_000, '12:34'],
  [3_723_000, '1:02:03'],
])('a timer of %i ms reads %s', (ms, text) => {
  expect(spanText(ms)).toBe(text)
})

it.each([
  [-300, 'just now'],
  [12_200, '12 s ago'],
  [119_000, '1 min ago'],
  [7_300_000, '2 h ago'],
])('%i ms ago reads “%s”', (ms, text) => {
  expect(agoText(ms, en)).toBe(text)
})

it('names the day only of what was not today', () => {
  const now = new Date(2026, 10, 24, 3, 4, 5).getTime()
  expect(clockText(now - 1_000, now, en)).toBe('03:04:04')
  expect(clockText(now - 86_400_000, now, en)).toContain('23')
})
