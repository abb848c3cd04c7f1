import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import { expect, test } from 'vitest'
import type { AlertId, Trigger } from './alert.ts'
import { StreamWorker } from './stream-worker.ts'

const TIMES = { firstAfterMs: 30_000, repeatMs: 60_000, quietMs: 300_000 }
const AGE_MS = 10_000

function triggerOf(alertId: string, userId = `of-${alertId}`): Trigger {
  const rest = { role: 'passenger', tripId: 't', bookingId: '', location: undefined, receivedMs: 1 }
  return { ...rest, alertId: alertId as AlertId, userId }
}

/** A database with these alerts, and a process that has completed those. */
function worldOf(there: readonly string[], own: readonly string[]) {
  const stored = new Map(there.map((id) => [id as AlertId, `of-${id}`]))
  const foreign: string[] = []
  let lookUps = 0
  const worker = new StreamWorker({
    store: {
      countOf: async (ids) => ids.filter((id) => stored.has(id)).length,
      async findOwners(ids) {
        lookUps += 1
        return new Map([...stored].filter(([id]) => ids.includes(id)))
      },
      async insert(alerts) {
        for (const { alertId, userId } of alerts) stored.set(alertId, userId)
        return { batchId: 'b', earlier: new Map() }
      },
    },
    isInFlight: () => false,
    isOwn: (alertId, userId) => own.includes(alertId) && userId === `of-${alertId}`,
    times: TIMES,
    send: async () => undefined,
    clock: new FakeClock(),
    onStored: () => undefined,
    onEscalated: () => undefined,
    onForeign: (alertId) => foreign.push(alertId),
  })
  const handle = (triggers: readonly Trigger[]) => worker.handle({ ageMs: AGE_MS, read: () => triggers })
  return { handle, stored, foreign, lookUps: () => lookUps }
}

test('of its own alerts a process asks only whether all are there, also where one came twice', async () => {
  const world = worldOf(['a', 'b'], ['a', 'b'])
  const triggers = [triggerOf('a'), triggerOf('b'), triggerOf('a')]
  expect(await world.handle(triggers)).toEqual({ kind: 'done' })
  expect(world.lookUps()).toBe(0)
})

test('one of its own that the database has lost is put there again', async () => {
  const world = worldOf(['a', 'c'], ['a', 'b', 'c'])
  expect(await world.handle(['a', 'b', 'c'].map((id) => triggerOf(id)))).toEqual({ kind: 'done' })
  expect([...world.stored.keys()].toSorted()).toEqual(['a', 'b', 'c'])
})

test('one of another process, and one whose id is another person’s, are looked at one by one', async () => {
  const world = worldOf(['a', 'b'], ['a'])
  expect(await world.handle([triggerOf('a'), triggerOf('b')])).toEqual({ kind: 'done' })
  expect(world.lookUps()).toBe(1)
  expect(await world.handle([triggerOf('a', 'somebody')])).toEqual({ kind: 'done' })
  expect(world.foreign).toEqual(['a'])
  expect(world.stored.get('a' as AlertId)).toBe('of-a')
})
