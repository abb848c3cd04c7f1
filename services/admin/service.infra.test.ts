/** Admin against a log in JetStream and an archive in MongoDB. */
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { Severity } from '@hushryd/kernel/event-log.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AdminNode, as, asAdmin, asBackend, World } from './testing/admin-node.ts'

const WAIT_MS = 30_000

let world: World
let node: AdminNode

beforeAll(async () => {
  world = await World.start()
  node = await AdminNode.start(world)
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

test('an event of the backend is answered with its number, a repeat with the same one', async () => {
  const event = { eventId: 'b-1', type: 'booking.created', tripId: 'T1', data: { seats: 2 } }
  const first = await node.client.recordEvent(event, asBackend)
  expect(first.sequence).toBeGreaterThan(0)
  expect(await node.client.recordEvent(event, asBackend)).toEqual(first)
  const next = await node.client.recordEvent({ type: 'booking.created' }, asBackend)
  expect(next.sequence).toBe(first.sequence + 1)
  expect(next.eventId).not.toBe('')
})

test('a phone number, an e-mail address and too much data are refused, by their places', async () => {
  for (const [data, field] of [
    [{ driver: { phone: '+91 98765 43210' } }, 'data.driver.phone'],
    [{ notes: ['call', 'ravi@example.com'] }, 'data.notes.1'],
    [{ text: 'x'.repeat(9_000) }, 'data'],
  ] as const) {
    await expect(node.client.recordEvent({ type: 'booking.created', data }, asBackend)).rejects.toMatchObject(
      {
        reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
        violations: [{ field }],
      },
    )
  }
})

test('a watcher gets the newest events, the word that it has caught up, and then what happens', async () => {
  for (const type of ['snapshot.one', 'snapshot.two', 'snapshot.three']) await world.record(type)
  const watching = node.watch({ types: ['snapshot'], snapshotSize: 2 })
  await watching.caughtUp()
  expect(watching.types).toEqual(['snapshot.two', 'snapshot.three'])
  expect(watching.messages[0]?.logId).not.toBe('')
  await world.record('other.thing')
  await world.record('snapshot.four')
  await watching.until(() => watching.types.includes('snapshot.four'), 'the new event')
  expect(watching.types).toEqual(['snapshot.two', 'snapshot.three', 'snapshot.four'])
  expect(watching.isUnbroken).toBe(true)
  await watching.stop()
})

test('a watcher that comes back continues after its last message, from memory and from the log', async () => {
  const first = node.watch()
  await first.caughtUp()
  const place = first.last
  await first.stop()
  for (let count = 0; count < 30; count += 1) await world.record('resume.tick')
  const second = node.watch({ afterSequence: place })
  await second.until(() => second.sequences.length === 30, 'what was missed')
  expect(second.sequences).toEqual(Array.from({ length: 30 }, (_, index) => place + 1 + index))
  expect(second.messages[0]).toMatchObject({ previousSequence: place, gap: undefined })
  expect(second.isUnbroken).toBe(true)
  await second.stop()
})

test('every condition of a filter holds, and the stream says how far it has looked', async () => {
  const watching = node.watch({
    types: ['filter'],
    regions: ['HYD'],
    minSeverity: Severity.WARNING,
    tripId: 'FT',
  })
  await watching.caughtUp()
  const wanted = { tripId: 'FT', region: 'HYD', severity: Severity.CRITICAL }
  await world.record('filter.one', wanted)
  await world.record('filter.one', { ...wanted, severity: Severity.INFO })
  await world.record('filter.one', { ...wanted, region: 'BLR' })
  await world.record('filter.one', { ...wanted, tripId: 'other' })
  await world.record('filters.one', wanted)
  const last = await node.client.recordEvent({ type: 'filter.end' }, asBackend)
  await watching.until(() => watching.last >= last.sequence, 'a place behind all of them')
  expect(watching.types).toEqual(['filter.one'])
  expect(watching.isUnbroken).toBe(true)
  await watching.stop()
})

test('the archive finds events by trip, type, severity, time and number, page by page', async () => {
  const begin = Date.now()
  const numbers: number[] = []
  for (const [type, severity] of [
    ['archive.one', Severity.INFO],
    ['archive.two', Severity.CRITICAL],
    ['archive.three', Severity.WARNING],
  ] as const) {
    const request = { type, severity, tripId: 'AT', userId: 'AU', alertId: 'AA', region: 'AR' }
    numbers.push((await node.client.recordEvent(request, asBackend)).sequence)
  }
  const list = async (request: object): Promise<number[]> =>
    (await node.client.listEvents(request, asAdmin)).events.map(({ sequence }) => sequence)
  await until(async () => (await list({ tripId: 'AT' })).length === 3, {
    timeoutMs: WAIT_MS,
    what: 'the events in the archive',
  })
  const [one = 0, two = 0, three = 0] = numbers
  const all = [three, two, one]
  for (const request of [{ types: ['archive'] }, { userId: 'AU' }, { alertId: 'AA' }, { regions: ['AR'] }])
    expect(await list(request)).toEqual(all)
  expect(await list({ types: ['archive.two', 'archive.three'] })).toEqual([three, two])
  expect(await list({ types: ['archiv'] })).toEqual([])
  expect(await list({ tripId: 'AT', minSeverity: Severity.WARNING })).toEqual([three, two])
  expect(await list({ tripId: 'AT', fromMs: begin - 1_000, toMs: Date.now() + 60_000 })).toEqual(all)
  expect(await list({ tripId: 'AT', toMs: begin - 1_000 })).toEqual([])
  expect(await list({ fromSequence: one, toSequence: two })).toEqual([two, one])
  const page = await node.client.listEvents({ tripId: 'AT', pageSize: 2 }, asAdmin)
  expect(page.events[0]?.event).toMatchObject({ type: 'archive.three', source: 'backend', region: 'AR' })
  const rest = { tripId: 'AT', pageSize: 2, pageToken: page.nextPageToken }
  const next = await node.client.listEvents(rest, asAdmin)
  expect(next.events.map(({ sequence }) => sequence)).toEqual([one])
  expect(next.nextPageToken).toBe('')
  await expect(node.client.listEvents({ pageToken: 'mine' }, asAdmin)).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
  })
})

test('the overview tells what it can, and of the rest that it is unknown', async () => {
  const { trips, alerts, edges, consumers, log } = await node.client.getOverview({}, asAdmin)
  expect(trips?.reading?.unknown).toBe(false)
  expect(log?.reading?.unknown).toBe(false)
  expect(log?.lastSequence).toBeGreaterThan(0)
  expect(consumers?.consumers.map(({ consumer }) => consumer)).toContain('admin-archive')
  for (const part of [alerts, edges]) expect(part?.reading).toEqual({ readAt: 0, unknown: true })
})

test('people who are no admins watch nothing, search nothing and record nothing', async () => {
  const rider = as({ kind: 'user', userId: 'u', role: 'passenger', deviceId: 'd' })
  const refused = { reason: ErrorReason.ERROR_REASON_FORBIDDEN }
  await expect(node.client.listEvents({}, rider)).rejects.toMatchObject(refused)
  await expect(node.client.getOverview({}, rider)).rejects.toMatchObject(refused)
  for (const who of [rider, asAdmin])
    await expect(node.client.recordEvent({ type: 'a.b' }, who)).rejects.toMatchObject(refused)
  const watching = node.client.watchEvents({}, rider)[Symbol.asyncIterator]()
  await expect(watching.next()).rejects.toMatchObject(refused)
})
