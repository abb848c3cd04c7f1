/**
 * Invariant: whatever is away for a while, a watcher that goes on after its
 * last message is shown everything once, and the archive gets everything.
 * Method: NATS killed and started again, MongoDB behind a proxy that cuts it
 * off, a watcher that was away for longer than memory holds.
 */
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { Severity } from '@hushryd/kernel/event-log.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { expect, test } from 'vitest'
import { TAIL_MAX } from './tail.ts'
import { AdminNode, asAdmin, asBackend, type Watching, World } from './testing/admin-node.ts'

const WAIT_MS = 60_000
const AT_ONCE = 5_000

async function writeMany(world: World, count: number): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, () => world.record('many.one')))
}

/** Until NATS takes it. */
async function recordPatiently(world: World, type: string): Promise<void> {
  const eventId = `patient-${type}`
  const record = async (): Promise<true> => {
    await world.log.record({ eventId, type, severity: Severity.INFO })
    return true
  }
  await until(record, { timeoutMs: WAIT_MS, what: `${type} in the log` })
}

test('a watcher that was away for longer than memory holds is shown all of it, from the log', {
  timeout: 120_000,
}, async () => {
  await using world = await World.start()
  {
    await using _first = await AdminNode.start(world)
    await writeMany(world, 10)
  }
  const behind = 1_500
  await writeMany(world, TAIL_MAX + behind)
  await using node = await AdminNode.start(world)
  const watching = node.watch({ afterSequence: 10 })
  await watching.until(() => watching.sequences.length === TAIL_MAX + behind, 'everything since')
  expect(watching.sequences[0]).toBe(11)
  expect(watching.sequences.every((sequence, index) => sequence === 11 + index)).toBe(true)
  expect(watching.isUnbroken).toBe(true)
  expect(watching.messages.some(({ gap }) => gap !== undefined)).toBe(false)
  await world.record('after.that')
  await watching.until(() => watching.types.at(-1) === 'after.that', 'what is live')
  await watching.stop()
})

test('two processes show the same, and a watcher of one goes on at the other', async () => {
  await using world = await World.start()
  await using one = await AdminNode.start(world)
  await using two = await AdminNode.start(world)
  const first = one.watch()
  await first.caughtUp()
  for (let count = 0; count < 20; count += 1) await world.record('shared.tick')
  await first.until(() => first.sequences.length === 20, 'all at the first')
  await first.stop()
  await world.record('shared.end')
  const second = two.watch({ afterSequence: first.last })
  await second.until(() => second.types.includes('shared.end'), 'the rest at the second')
  expect([...first.sequences, ...second.sequences]).toEqual(
    Array.from({ length: 21 }, (_, index) => index + 1),
  )
  await second.stop()
})

test('while NATS is away nothing is recorded and watchers hear nothing; then they go on where they were', {
  timeout: 120_000,
}, async () => {
  await using world = await World.start()
  await using node = await AdminNode.start(world)
  const watching = node.watch()
  await watching.caughtUp()
  await world.record('before.that')
  await watching.until(() => watching.types.includes('before.that'), 'an event before')

  await world.nats.kill('SIGKILL')
  await expect(node.client.recordEvent({ type: 'while.away' }, asBackend)).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_UNAVAILABLE,
  })
  const { consumers } = await node.client.getOverview({}, asAdmin)
  expect(consumers?.reading?.unknown).toBe(true)

  await world.nats.restart()
  await recordPatiently(world, 'after.that')
  await watching.until(() => watching.types.includes('after.that'), 'an event after')
  expect(watching.types).toEqual(['before.that', 'after.that'])
  expect(watching.isUnbroken).toBe(true)
  await watching.stop()
})

test('while MongoDB is away live goes on and the archive waits; then it has everything once', {
  timeout: 120_000,
}, async () => {
  await using world = await World.start()
  const mongoUrl = new URL(testUrl('TEST_MONGO_URL'))
  await using proxy = await startFaultyProxy({ target: mongoUrl.host })
  mongoUrl.host = proxy.address
  await using node = await AdminNode.start(world, { MONGO_URL: mongoUrl.href })
  const list = async (): Promise<number[]> =>
    (await node.client.listEvents({ types: ['kept'] }, asAdmin)).events.map(({ sequence }) => sequence)
  await world.record('kept.one')
  await until(async () => (await list()).length === 1, {
    timeoutMs: WAIT_MS,
    what: 'the first in the archive',
  })

  proxy.cut()
  const watching: Watching = node.watch()
  await watching.caughtUp()
  await world.record('kept.two')
  await watching.until(() => watching.types.includes('kept.two'), 'live without MongoDB')
  await expect(list()).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })

  proxy.heal()
  await until(async () => (await list()).length === 2, { timeoutMs: WAIT_MS, what: 'both in the archive' })
  expect(await list()).toEqual([2, 1])
  await watching.stop()
})
