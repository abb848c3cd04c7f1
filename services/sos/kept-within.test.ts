import { FakeClock, settle } from '@hushryd/kernel/testing/fake-clock.ts'
import { expect, test } from 'vitest'
import { keptWithin } from './kept-within.ts'

test('says which were kept, refused, and left open by a mute store', async () => {
  const clock = new FakeClock()
  const kept = keptWithin(
    [Promise.resolve(), Promise.reject(new Error('no')), new Promise(() => undefined)],
    100,
    clock,
  )
  await clock.advance(200)
  await clock.advance(200)
  expect(await kept).toEqual([true, false, false])
  expect(clock.pending).toBe(0)
})

test('waits for a store that is slow but answers', async () => {
  const clock = new FakeClock()
  const parts = Array.from({ length: 5 }, () => Promise.withResolvers<void>())
  const kept = keptWithin(
    parts.map(({ promise }) => promise),
    100,
    clock,
  )
  for (const { resolve } of parts) {
    await clock.advance(80)
    resolve()
    await settle()
  }
  expect(await kept).toEqual([true, true, true, true, true])
  expect(await keptWithin([], 100, clock)).toEqual([])
})
