import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EXCESS_FRAMES_MAX, FRAMES_BURST, FRAMES_PER_SECOND } from './limits.ts'
import { countFrame, mayTell, newFrameRate, retryAfterMs } from './rate.ts'

describe('a connection’s frame rate', () => {
  it('never takes more than the burst and the sustained rate allow, whatever the times', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 400 }), (gaps) => {
        const rate = newFrameRate(0)
        let nowMs = 0
        let taken = 0
        for (const gap of gaps) {
          nowMs += gap
          if (countFrame(rate, nowMs) === 'take') taken += 1
        }
        expect(taken).toBeLessThanOrEqual(FRAMES_BURST + (nowMs * FRAMES_PER_SECOND) / 1000)
      }),
    )
  })

  it('takes 20 frames a second for ever', () => {
    const rate = newFrameRate(0)
    for (let frame = 0; frame < 10_000; frame += 1) {
      expect(countFrame(rate, (frame * 1000) / FRAMES_PER_SECOND)).toBe('take')
    }
  })

  it('takes a frame again after the time that it names', () => {
    const rate = newFrameRate(0)
    for (let frame = 0; frame < FRAMES_BURST; frame += 1) countFrame(rate, 0)
    expect(countFrame(rate, 0)).toBe('refuse')
    const waitMs = retryAfterMs(rate)
    expect(waitMs).toBe(1000 / FRAMES_PER_SECOND)
    expect(countFrame(rate, waitMs)).toBe('take')
  })

  it('asks for a pause past the excess of a second, and starts anew in the next', () => {
    const rate = newFrameRate(0)
    const verdicts = Array.from({ length: FRAMES_BURST + EXCESS_FRAMES_MAX + 1 }, () => countFrame(rate, 0))
    expect(verdicts.at(-2)).toBe('refuse')
    expect(verdicts.at(-1)).toBe('refuse and pause')
    for (let frame = 0; frame < FRAMES_PER_SECOND; frame += 1) expect(countFrame(rate, 1_000)).toBe('take')
    expect(countFrame(rate, 1_000)).toBe('refuse')
  })

  it('goes on where the clock is set back', () => {
    const rate = newFrameRate(10_000)
    for (let frame = 0; frame < FRAMES_BURST; frame += 1) countFrame(rate, 10_000)
    expect(countFrame(rate, 5_000)).toBe('refuse')
    expect(countFrame(rate, 5_050)).toBe('take')
  })

  it('tells of refused frames without an id once a second', () => {
    const rate = newFrameRate(0)
    expect([1_000, 1_001, 1_999, 2_000].map((nowMs) => mayTell(rate, nowMs))).toEqual([
      true,
      false,
      false,
      true,
    ])
  })
})
