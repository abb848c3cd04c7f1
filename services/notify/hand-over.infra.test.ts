/**
 * Invariant: a message of the queue reaches everyone it is for, whatever dies
 * and whatever fails, and each copy that went out is on record. Method: the
 * real workers on a real MongoDB die between any two of their steps, and
 * MongoDB's answers fail before or after the thing was done; then another
 * process with a healthy MongoDB finishes what is left.
 */
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { notificationId, sealVariables } from '@hushryd/kernel/queued-notification.ts'
import { peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { openRpcChannel, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import { connectMongo, type MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { PEER_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import fc from 'fast-check'
import type { Collection } from 'mongodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Notification, newNotification } from './notification.ts'
import { Recipients } from './recipients.ts'
import { fromDocument, type NotificationDocument } from './record-document.ts'
import { prepareMongo } from './storage.ts'
import { readTemplates } from './template-files.ts'
import { type Fate, type Mortality, MortalProcess, type Surroundings } from './testing/mortal-process.ts'
import { newKeyLine, testUrl } from './testing/notify-node.ts'
import { type People, startPeople } from './testing/people.ts'

const TEMPLATE = 'sos_alert'
const USER_ID = 'asha'
const CONTACTS = ['+919876500001']
const CHANNELS = ['sms', 'whatsapp'] as const
/** Of today: MongoDB takes away records whose time is over, also in the middle of a test. */
const START_MS = Date.now()
/** Past the lease of a process that died, and past a retry's pause. */
const ROUND_MS = 30_000
const ROUNDS_MAX = 30
/** A busy machine gets less far. */
const RUNS = { numRuns: 100, interruptAfterTimeLimit: 20_000 }
const TIMEOUT_MS = 120_000

const ring = readKeyRing(newKeyLine())
const metrics = createMetrics('test')
let mongo: MongoLink
let people: People
let channel: RpcChannel
let records: Collection<NotificationDocument>
let shared: Pick<Surroundings, 'mongo' | 'recipients' | 'templates' | 'ring'>
let groups = 0

beforeAll(async () => {
  const { log } = createMemoryLog()
  const db = `${uniquePrefix()}handover`
  mongo = await connectMongo({ url: testUrl('TEST_MONGO_URL'), db, name: 'test', log, metrics })
  await prepareMongo(mongo)
  records = mongo.db.collection<NotificationDocument>('notifications')
  people = await startPeople()
  people.add(
    { userId: USER_ID, name: 'Asha' },
    CONTACTS.map((phone) => ({ name: 'Amma', phone, email: '', relation: '' })),
  )
  channel = openRpcChannel({ address: people.rpc.address, peer: peerCredential('notify', PEER_KEY) })
  const recipients = new Recipients({ channel, metrics, readOnCall: async () => [] })
  shared = { mongo, recipients, templates: await readTemplates(), ring }
})
afterAll(async () => {
  channel.close()
  await people[Symbol.asyncDispose]()
  await mongo.db.dropDatabase()
  await mongo.close()
})

function newGroup(): Notification {
  groups += 1
  const key = `group-${groups}`
  return newNotification({
    id: notificationId('sos', key),
    recipients: 'emergency_contacts',
    userId: USER_ID,
    channels: CHANNELS,
    template: TEMPLATE,
    templateVersion: 1,
    sealedData: sealVariables(ring, TEMPLATE, { time: START_MS }),
    priority: 'high',
    idempotencyKey: key,
    reportTo: '',
    correlationId: key,
    acceptedMs: START_MS,
  })
}

function surroundWith(messages: readonly Notification[]): Surroundings {
  const queue = new Map(messages.map((message) => [message.id, message]))
  return { ...shared, queue, handedOver: [], nowMs: START_MS }
}

async function singlesOf({ correlationId }: Notification): Promise<Notification[]> {
  const found = await records.find({ correlationId, contact: { $exists: true } }).toArray()
  return found.map(fromDocument)
}

/** With a healthy MongoDB, until nothing is left to do. */
async function finish(world: Surroundings, messages: readonly Notification[]): Promise<void> {
  const process = new MortalProcess(world, { fates: [], diesAt: undefined })
  await settle(world, messages, [process])
}

async function settle(
  world: Surroundings,
  messages: readonly Notification[],
  processes: readonly MortalProcess[],
): Promise<void> {
  const ids = messages.map(({ correlationId }) => correlationId)
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    for (const process of processes) {
      await process.tick()
      await process.drain([...world.queue.values()])
      await process.tick()
    }
    const open = await records.countDocuments({ correlationId: { $in: ids }, dueAt: { $exists: true } })
    const kept = processes.reduce((sum, process) => sum + process.records.keptCount, 0)
    if (open === 0 && kept === 0 && world.queue.size === 0) return
    world.nowMs += ROUND_MS
  }
  throw new Error('it does not come to rest')
}

interface Told {
  readonly copies: number
  readonly onRecord: number
}

/** Of each single message: what went out of it, and what its record knows of. */
async function readTold({ handedOver }: Surroundings, messages: readonly Notification[]): Promise<Told[]> {
  const told: Told[] = []
  for (const message of messages) {
    const singles = await singlesOf(message)
    expect(singles.map(({ state }) => state)).toEqual(
      Array.from({ length: CONTACTS.length * CHANNELS.length }, () => 'sent'),
    )
    for (const { id, attempts } of singles)
      told.push({
        copies: handedOver.filter((each) => each.notificationId === id).length,
        onRecord: attempts.reduce((sum, { tries }) => sum + tries, 0),
      })
  }
  return told
}

const fate = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Fate>('ok') },
  { weight: 2, arbitrary: fc.constant<Fate>('fails') },
  { weight: 1, arbitrary: fc.constant<Fate>('lost') },
)
const fates = fc.array(fate, { maxLength: 40 })
const moment = fc.nat(60)
/** How often each message comes at the same time. */
const copies = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 2 })

async function runFirst(
  mortality: Mortality,
  counts: readonly number[],
): Promise<{ world: Surroundings; messages: Notification[]; process: MortalProcess }> {
  const messages = counts.map(newGroup)
  const world = surroundWith(messages)
  const process = new MortalProcess(world, mortality)
  await process.drain(messages.flatMap((message, index) => new Array(counts[index]).fill(message)))
  await process.tick()
  // A queue that was killed brings again what has been acknowledged.
  await process.drain(messages)
  return { world, messages, process }
}

it(
  'a process that dies between any two steps loses nothing, and every copy is on record',
  async () => {
    await fc.assert(
      fc.asyncProperty(moment, copies, async (diesAt, counts) => {
        const { world, messages } = await runFirst({ fates: [], diesAt }, counts)
        world.nowMs += ROUND_MS
        await finish(world, messages)
        for (const told of await readTold(world, messages)) {
          expect(told.copies).toBeGreaterThanOrEqual(1)
          expect(told.copies).toBeLessThanOrEqual(told.onRecord)
        }
      }),
      RUNS,
    )
  },
  TIMEOUT_MS,
)

it(
  'a process that lives sends each once, whatever MongoDB does and however often messages come',
  async () => {
    await fc.assert(
      fc.asyncProperty(fates, copies, async (each, counts) => {
        const { world, messages, process } = await runFirst({ fates: each, diesAt: undefined }, counts)
        await settle(world, messages, [process])
        for (const told of await readTold(world, messages)) expect(told).toEqual({ copies: 1, onRecord: 1 })
      }),
      RUNS,
    )
  },
  TIMEOUT_MS,
)

it(
  'a process that dies while MongoDB fails loses nothing',
  async () => {
    await fc.assert(
      fc.asyncProperty(fates, moment, copies, async (each, diesAt, counts) => {
        const { world, messages } = await runFirst({ fates: each, diesAt }, counts)
        world.nowMs += ROUND_MS
        await finish(world, messages)
        for (const told of await readTold(world, messages)) expect(told.copies).toBeGreaterThanOrEqual(1)
      }),
      RUNS,
    )
  },
  TIMEOUT_MS,
)

it(
  'two processes that have the same messages, one of them without MongoDB, put every copy on record',
  async () => {
    await fc.assert(
      fc.asyncProperty(fates, copies, async (each, counts) => {
        const messages = counts.map(newGroup)
        const world = surroundWith(messages)
        const failing = new MortalProcess(world, { fates: each, diesAt: undefined })
        const healthy = new MortalProcess(world, { fates: [], diesAt: undefined })
        await Promise.all([failing.drain(messages), healthy.drain(messages)])
        await Promise.all([failing.tick(), healthy.tick()])
        await settle(world, messages, [failing, healthy])
        for (const told of await readTold(world, messages)) {
          expect(told.copies).toBeGreaterThanOrEqual(1)
          expect(told.copies).toBeLessThanOrEqual(told.onRecord)
        }
      }),
      RUNS,
    )
  },
  TIMEOUT_MS,
)
