import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LocalWindow } from './local-window.ts'

const WINDOW_MS = 60_000

test('the limit is reached within the window, and one more is taken after the told time', async () => {
  const clock = new FakeClock(0)
  const window = new LocalWindow(clock, WINDOW_MS)
  for (let call = 0; call < 5; call += 1) expect(window.take('a', 5)).toBe(0)
  const waitMs = window.take('a', 5)
  expect(waitMs).toBeGreaterThan(0)
  expect(window.take('b', 5)).toBe(0)
  await clock.advance(2 * WINDOW_MS)
  expect(window.take('a', 5)).toBe(0)
})

test('whatever the times of calls, no window of a minute holds twice the limit, and none is refused far below it', async () => {
  const limit = 10
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20_000), { maxLength: 200 }), async (gapsMs) => {
      const clock = new FakeClock(0)
      const window = new LocalWindow(clock, WINDOW_MS)
      const taken: number[] = []
      for (const gapMs of gapsMs) {
        await clock.advance(gapMs)
        const nowMs = clock.nowMs()
        const recent = taken.filter((atMs) => atMs > nowMs - 2 * WINDOW_MS).length
        if (window.take('a', limit) === 0) taken.push(nowMs)
        else expect(recent).toBeGreaterThanOrEqual(limit)
        expect(taken.filter((atMs) => atMs > nowMs - WINDOW_MS).length).toBeLessThanOrEqual(2 * limit)
      }
    }),
    { numRuns: 50 },
  )
})
