import fc from 'fast-check'
import { expect, it } from 'vitest'
import { findQuietEndMs, readQuietHours } from './quiet-hours.ts'

const india = { zone: 'Asia/Kolkata', ...readQuietHours('21:00-09:00') }
const at = (text: string): number => Date.parse(text)

it('run over midnight, in the recipient’s own zone', () => {
  expect(findQuietEndMs(at('2026-11-24T20:59:59+05:30'), india)).toBeUndefined()
  expect(findQuietEndMs(at('2026-11-24T21:00:00+05:30'), india)).toBe(at('2026-11-25T09:00:00+05:30'))
  expect(findQuietEndMs(at('2026-11-25T03:30:20+05:30'), india)).toBe(at('2026-11-25T09:00:00+05:30'))
  expect(findQuietEndMs(at('2026-11-25T08:59:59+05:30'), india)).toBe(at('2026-11-25T09:00:00+05:30'))
  expect(findQuietEndMs(at('2026-11-25T09:00:00+05:30'), india)).toBeUndefined()
})

it('can lie within one day, and be none at all', () => {
  const noon = { zone: 'Asia/Kolkata', ...readQuietHours('12:00-13:30') }
  expect(findQuietEndMs(at('2026-11-24T12:15:00+05:30'), noon)).toBe(at('2026-11-24T13:30:00+05:30'))
  expect(findQuietEndMs(at('2026-11-24T00:15:00+05:30'), noon)).toBeUndefined()
  const none = { zone: 'Asia/Kolkata', ...readQuietHours('00:00-00:00') }
  expect(findQuietEndMs(at('2026-11-24T00:00:00+05:30'), none)).toBeUndefined()
})

it('end in the future, and at their end it is not quiet', () => {
  const minute = fc.nat(24 * 60 - 1)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2e12 }), minute, minute, (nowMs, fromMinute, toMinute) => {
      const hours = { zone: 'Asia/Kolkata', fromMinute, toMinute }
      const endMs = findQuietEndMs(nowMs, hours)
      if (endMs === undefined) return
      expect(endMs).toBeGreaterThan(nowMs)
      expect(endMs - nowMs).toBeLessThanOrEqual(24 * 60 * 60 * 1000)
      expect(findQuietEndMs(endMs, hours)).toBeUndefined()
    }),
  )
})

it('are written in one way', () => {
  for (const wrong of ['21-09', '24:00-09:00', '21:00', '21:60-09:00', ''])
    expect(() => readQuietHours(wrong)).toThrow(/21:00-09:00/)
})
