/**
 * Invariant: whatever is away, and for how long, every upload ends available
 * or rejected, none unscanned, and the bucket holds what the records say.
 * Method: real servers behind proxies that are cut in the middle of uploads
 * and healed again; the program killed by SIGKILL; clocks that run ahead.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DocumentState } from '@hushryd/gen/hushryd/docs/v1/docs.ts'
import { DomainError } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { type FaultyProxy, startFaultyProxy } from '@hushryd/kernel/testing/faulty-proxy.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { expect, it } from 'vitest'
import { fileKey, incomingKey } from './object-keys.ts'
import { asUser, type DocsNode, putFile, SOON, World } from './testing/docs-world.ts'
import { EICAR, makePhoto } from './testing/sample-files.ts'
import { openWorkshop } from './testing/workshop.ts'

const UPLOADS = 40
const TIMES = { timeout: 180_000 }

/** As an app does it: tries each step again while something is away. */
async function trying<T>(work: () => Promise<T>): Promise<T> {
  return await until(async () => ({ value: await work() }), { timeoutMs: 120_000 }).then(({ value }) => value)
}

interface Upload {
  readonly user: string
  readonly documentId: string
}

/** Each by another person, every fifth with a virus. */
async function uploadMany(world: World, node: DocsNode, count = UPLOADS): Promise<Upload[]> {
  const files = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      index % 5 === 4 ? EICAR : makePhoto({ seed: index / count }),
    ),
  )
  return await Promise.all(
    files.map(async (bytes) => {
      const user = world.newUser()
      const { documentId, upload } = await trying(() => node.announce(user, bytes))
      expect((await putFile(upload, bytes)).status).toBe(200)
      await trying(() => node.client.completeUpload({ documentId }, asUser(user)))
      return { user, documentId }
    }),
  )
}

async function countSettled(world: World): Promise<number> {
  return await world.records.countDocuments({ state: { $in: ['available', 'rejected'] } })
}

async function checkAllEnded(world: World, count: number): Promise<void> {
  await until(async () => (await countSettled(world)) === count, { timeoutMs: 120_000, what: 'every upload' })
  expect(await world.records.countDocuments({ state: 'rejected', 'rejection.reason': 'malware' })).toBe(
    Math.floor(count / 5),
  )
  await using workshop = await openWorkshop(world)
  expect(await workshop.reconciler.compare()).toEqual({ orphans: [], lost: [] })
}

it('while the scanner is away uploads wait, none passes, and operations know', TIMES, async () => {
  await using world = await World.start()
  await using node = await world.startNode()
  await uploadMany(world, node, 10)
  await until(async () => (await countSettled(world)) === 10, SOON)
  world.clamd.cut()
  const away = await until(() => world.events.find(({ type }) => type === 'docs.scanner_away'), SOON)
  const waiting = await uploadMany(world, node, 10)
  expect(await world.records.countDocuments({ state: 'processing' })).toBe(10)
  await until(async () => {
    const { ready, details } = await node.readiness()
    return ready && details.scanner === 'away: uploads wait'
  }, SOON)
  const [one] = waiting
  if (one === undefined) throw new Error('no upload')
  expect((await node.get(one.user, one.documentId)).state).toBe(DocumentState.PROCESSING)
  // One that is tired of waiting takes it back.
  await node.client.deleteDocument({ documentId: one.documentId }, asUser(one.user))

  world.clamd.heal()
  await until(() => world.events.find(({ type }) => type === 'docs.scanner_back'), SOON)
  await until(async () => (await countSettled(world)) === 19, SOON)
  expect(away.severity).toBe(3)
  expect(await world.keysInBucket('incoming/')).toEqual([])
})

it('an answer of the scanner that is neither clean nor found is no verdict', TIMES, async () => {
  await using world = await World.start()
  let answer = 'stream: Can’t allocate memory ERROR'
  const scanner = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data: Buffer) => {
      const isPing = data.includes('zPING')
      if (isPing || data.subarray(-4).equals(Buffer.alloc(4))) socket.end(`${isPing ? 'PONG' : answer}\0`)
    })
  })
  await new Promise<void>((resolve) => scanner.listen(0, '127.0.0.1', resolve))
  const address = scanner.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  await using node = await world.startNode({ CLAMD_URL: `tcp://127.0.0.1:${address.port}` })
  const user = world.newUser()
  const documentId = await node.upload(user, await makePhoto())
  await until(() => world.log.lines.some((line) => line.includes('it is taken up again')), SOON)
  expect((await node.get(user, documentId)).state).toBe(DocumentState.PROCESSING)
  answer = 'stream: OK'
  expect((await node.settled(user, documentId)).state).toBe(DocumentState.AVAILABLE)
  const closed = new Promise((resolve) => scanner.close(resolve))
  await closed
})

it.for(['S3', 'MongoDB', 'NATS'] as const)('%s goes away in the middle of uploads', TIMES, async (store) => {
  await using world = await World.start()
  await using mongo = await startFaultyProxy({ target: testUrl('TEST_MONGO_URL') })
  await using nats = await startFaultyProxy({ target: testUrl('TEST_NATS_URL') })
  const proxies: Record<typeof store, FaultyProxy> = { S3: world.storage, MongoDB: mongo, NATS: nats }
  await using node = await world.startNode({ MONGO_URL: mongo.url('mongodb'), NATS_URL: nats.url('nats') })
  await uploadMany(world, node, 5)
  await until(async () => (await countSettled(world)) === 5, SOON)
  const uploading = uploadMany(world, node)
  await until(async () => (await world.records.countDocuments({ state: { $ne: 'uploading' } })) > 10, SOON)
  proxies[store].cut()
  await until(
    () => world.log.lines.some((line) => /is away|broke off|loop failed|disconnected/.test(line)),
    SOON,
  )
  proxies[store].heal()
  await uploading
  await checkAllEnded(world, 5 + UPLOADS)
})

it('the owner of a rejected file is told once notify is back', TIMES, async () => {
  await using world = await World.start()
  await using node = await world.startNode()
  world.notify.isAway = true
  const user = world.newUser()
  const documentId = await node.upload(user, EICAR)
  await node.settled(user, documentId)
  expect(world.notify.queued.size).toBe(0)
  world.notify.isAway = false
  await until(() => world.notify.queued.has(`${documentId}:rejected`), SOON)
  await until(
    async () => (await world.records.findOne({ _id: documentId }))?.isOwnerUntold === undefined,
    SOON,
  )
})

it('uploads that nobody completes are swept with their files, and that is recorded', TIMES, async () => {
  await using world = await World.start()
  await using node = await world.startNode()
  const user = world.newUser()
  const { documentId, key } = await node.announce(user, Buffer.alloc(100))
  await world.putObject(key, Buffer.alloc(100))
  await using _later = await world.startNode({}, () => Date.now() + 3_700_000)
  await until(async () => (await world.eventsOf(documentId)).includes('document.deleted'), SOON)
  await until(async () => (await world.records.findOne({ _id: documentId })) === null, SOON)
  expect(await world.keysInBucket()).toEqual([])
  const event = world.events.find(({ data }) => data?.documentId === documentId)
  expect(event?.data).toMatchObject({ why: 'abandoned' })
})

it('a document is deleted when its type’s time is over, and others stay', TIMES, async () => {
  await using world = await World.start()
  await using node = await world.startNode()
  const user = world.newUser()
  const card = await node.upload(user, await makePhoto(), { documentType: 'aadhar' })
  const licence = await node.upload(user, await makePhoto())
  for (const documentId of [card, licence]) await node.settled(user, documentId)
  const days = 24 * 60 * 60 * 1_000
  await using _later = await world.startNode({}, () => Date.now() + 181 * days)
  await until(async () => (await world.eventsOf(card)).includes('document.deleted'), SOON)
  await until(async () => (await world.records.findOne({ _id: card })) === null, SOON)
  expect((await node.get(user, licence)).state).toBe(DocumentState.AVAILABLE)
  expect(await world.keysInBucket('sealed/')).toEqual([])
  expect(world.events.findLast(({ data }) => data?.documentId === card)?.data).toMatchObject({
    why: 'retention',
  })
})

it('what is put into incoming/ after its document has gone is swept', TIMES, async () => {
  await using world = await World.start()
  await using workshop = await openWorkshop(world)
  const gone = { id: 'd_gonegone', userId: world.newUser(), type: 'rc' } as const
  const waiting = await workshop.addUpload('rc', 'image/jpeg', await makePhoto())
  await world.putObject(incomingKey(gone), Buffer.from('x'))
  await world.putObject(fileKey(gone), Buffer.from('x'))
  expect(await workshop.reconciler.sweepIncoming()).toBe(1)
  expect((await world.keysInBucket()).toSorted()).toEqual([fileKey(gone), incomingKey(waiting)].toSorted())
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function startProcess(world: World): Promise<ChildProcess> {
  const opsPort = await freePort()
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'testing', 'namespaced-main.ts'), world.prefix],
    {
      env: { PATH: process.env.PATH, ...world.env(), LOG_LEVEL: 'error', OPS_PORT: String(opsPort) },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  await until(async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok, SOON)
  return child
}

it('a process killed in the middle of its work leaves nothing half done', TIMES, async () => {
  await using world = await World.start()
  // Takes uploads, and examines none of them.
  const node = await world.startNode({ CLAMD_URL: 'tcp://127.0.0.1:1' })
  await uploadMany(world, node)
  await node[Symbol.asyncDispose]()
  const first = await startProcess(world)
  await until(async () => (await countSettled(world)) >= 5, SOON)
  const killed = once(first, 'exit')
  first.kill('SIGKILL')
  await killed
  const second = await startProcess(world)
  try {
    await checkAllEnded(world, UPLOADS)
  } finally {
    const stopped = once(second, 'exit')
    second.kill('SIGTERM')
    await stopped
  }
})

it('errors of apps while a store is away say that they may try again', TIMES, async () => {
  await using world = await World.start()
  await using node = await world.startNode()
  const user = world.newUser()
  const photo = await makePhoto()
  const { documentId, upload } = await node.announce(user, photo)
  await putFile(upload, photo)
  world.storage.cut()
  const refused = await node.client
    .completeUpload({ documentId }, asUser(user))
    .catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(DomainError)
  expect(refused).toMatchObject({ metadata: { store: 's3' } })
  world.storage.heal()
  await trying(() => node.client.completeUpload({ documentId }, asUser(user)))
  await node.settled(user, documentId)
})
