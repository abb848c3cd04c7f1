import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs, startLoop } from './loop.ts'
import { FakeClock, settle } from './testing/fake-clock.ts'
import { createMemoryLog } from './testing/memory-log.ts'

function fixture() {
  return { clock: new FakeClock(), ...createMemoryLog(), random: () => 1 }
}

test('a loop runs at once, and again after each pause', async () => {
  const { clock, log } = fixture()
  let runs = 0
  const run = (): void => {
    runs += 1
  }
  await using _loop = startLoop({ name: 'l', everyMs: 100, log, clock, run })
  await settle()
  expect(runs).toBe(1)
  await clock.advance(99)
  expect(runs).toBe(1)
  await clock.advance(1)
  expect(runs).toBe(2)
  await clock.advance(1000)
  expect(runs).toBe(12)
})

test('after failures the pauses double up to the bound, and a success brings back the pace', async () => {
  const { clock, log, random, records } = fixture()
  let fails = 6
  const run = async (): Promise<void> => {
    fails -= 1
    if (fails >= 0) throw new Error('no')
  }
  await using _loop = startLoop({ name: 'l', everyMs: 100, backoffMaxMs: 1000, log, clock, random, run })
  const pauses: (number | undefined)[] = []
  for (let step = 0; step < 7; step += 1) {
    await settle()
    pauses.push(clock.nextInMs)
    await clock.advance(clock.nextInMs ?? 0)
  }
  expect(pauses).toEqual([200, 400, 800, 1000, 1000, 1000, 100])
  const messages = records().map(({ msg }) => msg)
  expect(messages.filter((message) => message === 'loop failed')).toHaveLength(6)
  expect(messages.at(-1)).toBe('loop works again')
})

test('stopping aborts the run under way, waits for it, and leaves no timer', async () => {
  const { clock, log, lines } = fixture()
  let ended = false
  const run = async (signal: AbortSignal): Promise<void> => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    ended = true
    throw new Error('aborted')
  }
  const loop = startLoop({ name: 'l', everyMs: 100, log, clock, run })
  await loop.stop()
  expect(ended).toBe(true)
  expect(clock.pending).toBe(0)
  expect(lines).toEqual([])
})

test('stopping during a pause ends it at once', async () => {
  const { clock, log } = fixture()
  let runs = 0
  const run = (): void => {
    runs += 1
  }
  const loop = startLoop({ name: 'l', everyMs: 1e6, log, clock, run })
  await settle()
  expect(clock.pending).toBe(1)
  await loop.stop()
  expect([runs, clock.pending]).toEqual([1, 0])
})

test('no pause after a failure is longer than the bound or shorter than a tenth of its ceiling', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failures, chance) => {
        const waitMs = backoffMs(failures, { baseMs: 100, maxMs: 5000, random: () => chance })
        expect(waitMs).toBeLessThanOrEqual(5000)
        expect(waitMs).toBeGreaterThanOrEqual(20 - 1e-9)
      },
    ),
  )
})
