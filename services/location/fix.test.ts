import { ErrorReason } from '@hushryd/kernel/error.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AGE_MAX_MS,
  checkFix,
  cleanFix,
  distanceM,
  emptyTrack,
  type Fix,
  FUTURE_MAX_MS,
  judgeFix,
  judgeLate,
  NOISE_M,
  type SpeedRule,
  Verdict,
} from './fix.ts'

const NOW = 1_700_000_000_000
const RULE: SpeedRule = { speedMaxMps: 70, reanchorAfter: 4 }
/** Metres in a degree of latitude. */
const DEGREE_M = 111_195

function fix(timestampMs: number, north = 0): Fix {
  return { userId: 'd', lat: north / DEGREE_M, lng: 0, accuracy: 5, speed: 0, heading: 0, timestampMs }
}

describe('a fix', () => {
  it('is taken within the limits, and refused beyond each by its own reason', () => {
    expect(checkFix(fix(NOW + FUTURE_MAX_MS), NOW)).toBeUndefined()
    expect(checkFix(fix(NOW - AGE_MAX_MS), NOW)).toBeUndefined()
    expect(checkFix(fix(NOW + FUTURE_MAX_MS + 1), NOW)).toBe(ErrorReason.ERROR_REASON_POSITION_IN_FUTURE)
    expect(checkFix(fix(NOW - AGE_MAX_MS - 1), NOW)).toBe(ErrorReason.ERROR_REASON_POSITION_TOO_OLD)
    for (const place of [{ lat: 90.001 }, { lat: -90.001 }, { lng: 180.001 }, { lng: -180.001 }]) {
      expect(checkFix({ ...fix(NOW), ...place }, NOW)).toBe(ErrorReason.ERROR_REASON_POSITION_OUT_OF_RANGE)
    }
  })

  it('of any numbers at all is refused or finite within the limits', () => {
    const number = fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -0))
    fc.assert(
      fc.property(number, number, number, number, number, (lat, lng, timestampMs, speed, heading) => {
        const made = { userId: 'd', lat, lng, accuracy: speed, speed, heading, timestampMs }
        if (checkFix(made, NOW) !== undefined) return
        cleanFix(made)
        expect(Math.abs(made.lat)).toBeLessThanOrEqual(90)
        expect(Math.abs(made.lng)).toBeLessThanOrEqual(180)
        for (const value of [made.accuracy, made.speed, made.heading])
          expect(Number.isFinite(value) && value >= 0).toBe(true)
        expect(Number.isInteger(made.timestampMs)).toBe(true)
      }),
    )
  })
})

describe('the speed rule', () => {
  it('lets pass whoever drives below the limit, however the fixes are spaced', () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 1, max: 60_000 }),
      share: fc.double({ min: 0, max: 0.99, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const track = emptyTrack()
        let [ms, north] = [NOW, 0]
        for (const { afterMs, share } of steps) {
          ms += afterMs
          north += (share * RULE.speedMaxMps * afterMs) / 1000
          expect(judgeFix(track, fix(ms, north), RULE)).toBe(Verdict.GOOD)
        }
      }),
    )
  })

  it('suspects a jump, and goes on from the last good fix', () => {
    const track = emptyTrack()
    expect(judgeFix(track, fix(NOW), RULE)).toBe(Verdict.GOOD)
    expect(judgeFix(track, fix(NOW + 1000, 5000), RULE)).toBe(Verdict.SUSPECT)
    expect(judgeFix(track, fix(NOW + 2000, 100), RULE)).toBe(Verdict.GOOD)
  })

  it('never suspects the noise of a receiver, however soon', () => {
    const track = emptyTrack()
    judgeFix(track, fix(NOW), RULE)
    expect(judgeFix(track, fix(NOW + 1, NOISE_M - 1), RULE)).toBe(Verdict.GOOD)
  })

  it('believes suspects that agree with each other for long enough', () => {
    const track = emptyTrack()
    judgeFix(track, fix(NOW), RULE)
    const verdicts = [1, 2, 3, 4, 5].map((n) => judgeFix(track, fix(NOW + n * 1000, 50_000 + n * 10), RULE))
    expect(verdicts).toEqual([Verdict.SUSPECT, Verdict.SUSPECT, Verdict.SUSPECT, Verdict.GOOD, Verdict.GOOD])
  })

  it('does not believe suspects that jump about', () => {
    const track = emptyTrack()
    judgeFix(track, fix(NOW), RULE)
    for (let n = 1; n < 20; n++) {
      expect(judgeFix(track, fix(NOW + n * 1000, n % 2 === 0 ? 50_000 : -50_000), RULE)).toBe(Verdict.SUSPECT)
    }
  })

  it('calls every fix older the second time, and good times rise', () => {
    const report = fc.record({
      ms: fc.integer({ min: 1, max: 500 }),
      north: fc.integer({ min: -100_000, max: 100_000 }),
    })
    fc.assert(
      fc.property(fc.array(report, { maxLength: 60 }), (reports) => {
        const track = emptyTrack()
        let lastGood = 0
        for (const { ms, north } of reports) {
          const made = fix(NOW + ms, north)
          const verdict = judgeFix(track, made, RULE)
          if (verdict === Verdict.GOOD) {
            expect(made.timestampMs).toBeGreaterThan(lastGood)
            lastGood = made.timestampMs
          }
          expect(judgeFix(track, made, RULE)).toBe(Verdict.OLDER)
        }
      }),
    )
  })

  it('holds backwards in time for what comes late', () => {
    const track = emptyTrack()
    judgeFix(track, fix(NOW), RULE)
    expect(judgeLate(track, fix(NOW - 10_000, 600), RULE)).toBe(Verdict.OLDER)
    expect(judgeLate(track, fix(NOW - 10_000, 50_000), RULE)).toBe(Verdict.SUSPECT)
    expect(track.goodMs).toBe(NOW)
  })
})

describe('distances', () => {
  it('are right between known places', () => {
    // Charminar to Golconda Fort, by the great circle.
    expect(distanceM(17.3616, 78.4747, 17.3833, 78.4011)).toBeCloseTo(8175, -2)
    expect(distanceM(0, 179.999, 0, -179.999)).toBeCloseTo(222, 0)
    expect(distanceM(10, 10, 10, 10)).toBe(0)
  })
})
