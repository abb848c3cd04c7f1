import { FakeClock, settle } from '@hushryd/kernel/testing/fake-clock.ts'
import { expect, it } from 'vitest'
import { BusyStore } from './busy-store.ts'

const MUTE_MS = 3_000

/** Operations that end when the test says so. */
function world(placesMax: number) {
  const clock = new FakeClock()
  const store = new BusyStore({ placesMax, muteMs: MUTE_MS, away: () => new Error('away'), clock })
  const begun: string[] = []
  const ended: string[] = []
  const answers = new Map<string, () => void>()
  function begin(name: string): void {
    const answer = Promise.withResolvers<void>()
    answers.set(name, answer.resolve)
    const work = (): Promise<void> => {
      begun.push(name)
      return answer.promise
    }
    store.run(work).then(
      () => ended.push(name),
      (error: Error) => ended.push(`${name}: ${error.message}`),
    )
  }
  async function answer(name: string): Promise<void> {
    answers.get(name)?.()
    await settle()
  }
  return { clock, begun, ended, begin, answer }
}

it('lets only so many in at once, the others in the order in which they came', async () => {
  const { begun, ended, begin, answer } = world(2)
  for (const name of ['a', 'b', 'c', 'd']) begin(name)
  await settle()
  expect(begun).toEqual(['a', 'b'])
  await answer('b')
  await answer('c')
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
  expect(ended).toEqual(['b', 'c'])
})

it('waits for a store that is busy as long as it answers others', async () => {
  const { clock, ended, begin, answer } = world(2)
  begin('slow')
  for (const name of ['1', '2', '3', '4']) {
    begin(name)
    await clock.advance(MUTE_MS - 1)
    await answer(name)
  }
  await answer('slow')
  expect(ended).toEqual(['1', '2', '3', '4', 'slow'])
})

it('gives up on a store that answers nobody, also for those that still wait, and is free again then', async () => {
  const { clock, begun, ended, begin, answer } = world(1)
  begin('hangs')
  await clock.advance(1_000)
  begin('waits')
  await clock.advance(MUTE_MS)
  expect(ended).toEqual(['hangs: away', 'waits: away'])
  begin('next')
  await settle()
  await answer('next')
  expect(begun).toContain('next')
  expect(ended.at(-1)).toBe('next')
})
