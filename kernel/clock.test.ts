import { expect, test } from 'vitest'
import { pause, systemClock } from './clock.ts'
import { FakeClock, settle } from './testing/fake-clock.ts'

test('a pause ends after its time, and not before', async () => {
  const clock = new FakeClock()
  let isOver = false
  void pause(clock, 100, new AbortController().signal).then(() => {
    isOver = true
  })
  await clock.advance(99)
  expect(isOver).toBe(false)
  await clock.advance(1)
  expect(isOver).toBe(true)
})

test('a pause ends at once when the signal aborts, and leaves no timer', async () => {
  const clock = new FakeClock()
  const stopped = new AbortController()
  const paused = pause(clock, 100, stopped.signal)
  stopped.abort()
  await paused
  expect(clock.pending).toBe(0)
  await pause(clock, 100, stopped.signal)
  expect(clock.pending).toBe(0)
})

test('the fake clock fires timers in the order of their time, and none that was cancelled', async () => {
  const clock = new FakeClock(0)
  const fired: [string, number][] = []
  const at = (name: string, delayMs: number) =>
    clock.setTimer(() => fired.push([name, clock.nowMs()]), delayMs)
  at('late', 30)
  at('early', 10)
  at('never', 20).cancel()
  clock.setTimer(() => at('nested', 5), 15)
  expect(clock.nextInMs).toBe(10)
  await clock.advance(100)
  expect(fired).toEqual([
    ['early', 10],
    ['nested', 20],
    ['late', 30],
  ])
  expect([clock.nowMs(), clock.pending, clock.nextInMs]).toEqual([100, 0, undefined])
})

test('the system clock fires once, and not after it was cancelled', async () => {
  const fired: string[] = []
  systemClock.setTimer(() => fired.push('cancelled'), 0).cancel()
  await new Promise<void>((resolve) => {
    systemClock.setTimer(() => {
      fired.push('due')
      resolve()
    }, 1)
  })
  await settle()
  expect(fired).toEqual(['due'])
  expect(Math.abs(systemClock.nowMs() - Date.now())).toBeLessThan(1000)
})
