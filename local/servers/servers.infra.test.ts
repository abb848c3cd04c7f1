/**
 * Invariant: what a store acknowledged outlives kill -9 of its process.
 * Method: acknowledged writes, SIGKILL in the middle of more of them, restart on the same port and data.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { connectMongo } from '@hushryd/kernel/stores/mongo.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import { expect, onTestFinished, test } from 'vitest'
import { StartFailed } from '../child.ts'
import { HOST } from '../ports.ts'
import { openS3 } from './bucket.ts'
import { startClamd } from './clamd.ts'
import { firstBytes } from './first-bytes.ts'
import type { LocalServer, ServerSpec } from './local-server.ts'
import { startMongo } from './mongo.ts'
import { sweepExpired } from './mongo-sweep.ts'
import { startNats } from './nats.ts'
import { startRadosgw } from './radosgw.ts'
import { startValkey } from './valkey.ts'

async function dataDir(): Promise<string> {
  // The space is meant: people keep their clones in such folders.
  const folder = await mkdtemp(join(tmpdir(), 'hushryd servers-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function stopLater<Spec extends ServerSpec>(server: LocalServer<Spec>): LocalServer<Spec> {
  onTestFinished(() => server.stop())
  return server
}

async function askValkey(server: LocalServer, command: string): Promise<string> {
  const isWhole = (text: string) => text.endsWith('\r\n')
  return await firstBytes(server.port, {
    request: `${command}\r\n`,
    isWhole,
    signal: AbortSignal.timeout(5000),
  })
}

test('NATS keeps acknowledged messages over kill -9 and restart on the same port', async () => {
  const nats = stopLater(await startNats({ dataDir: await dataDir() }))
  const before = await connect({ servers: nats.url, reconnect: false })
  await (await jetstreamManager(before)).streams.add({ name: 'KEPT', subjects: ['kept.>'] })
  for (let n = 0; n < 200; n += 1) await jetstream(before).publish(`kept.${n}`)
  const pid = nats.pid
  await nats.kill()
  await nats.restart()
  expect(nats.pid).not.toBe(pid)
  const after = await connect({ servers: nats.url })
  const info = await (await jetstreamManager(after)).streams.info('KEPT')
  expect(info.state.messages).toBe(200)
  await after.close()
})

test('MongoDB keeps acknowledged writes over kill -9 in the middle of writing', async () => {
  const mongo = stopLater(await startMongo({ dataDir: await dataDir() }))
  const acknowledged: number[] = []
  const writer = new MongoClient(mongo.url)
  const write = async () => {
    for (let n = 0; n < 100_000; n += 1) {
      await writer.db('kept').collection<{ _id: number }>('writes').insertOne({ _id: n })
      acknowledged.push(n)
      if (n === 300) void mongo.kill()
    }
  }
  await expect(write()).rejects.toThrow()
  await writer.close()
  await mongo.kill()
  await mongo.restart()
  await using reader = new MongoClient(mongo.url)
  const found = await reader.db('kept').collection<{ _id: number }>('writes').find().toArray()
  const kept = new Set(found.map(({ _id }) => _id))
  expect(acknowledged.length).toBeGreaterThan(300)
  expect(acknowledged.filter((n) => !kept.has(n))).toEqual([])
})

/** A write that is acknowledged before it is in the journal is seen in two of five kills. */
const KILLS = 6
const WRITERS = 50

test('MongoDB keeps what many writers at once had acknowledged, over kill -9 again and again', async () => {
  const mongo = stopLater(await startMongo({ dataDir: await dataDir() }))
  for (let kill = 0; kill < KILLS; kill += 1) {
    const acknowledged: string[] = []
    const link = await connectMongo({
      url: mongo.url,
      db: 'kept',
      name: 'writers',
      log: createMemoryLog().log,
      metrics: createMetrics('test'),
      maxPoolSize: WRITERS,
    })
    const write = async (writer: number): Promise<void> => {
      const documents = link.db.collection<{ _id: string; n: number }>(`of${kill}`)
      await documents.insertOne({ _id: `${writer}`, n: 0 })
      for (let n = 1; ; n += 1) {
        const { matchedCount } = await documents.updateOne({ _id: `${writer}`, n: n - 1 }, { $set: { n } })
        if (matchedCount === 1) acknowledged[writer] = `${writer}: ${n}`
      }
    }
    const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer).catch(() => undefined))
    await setTimeout(500)
    await mongo.kill()
    await link.close()
    await Promise.all(writers)
    await mongo.restart()
    await using reader = new MongoClient(mongo.url)
    const found = await reader.db('kept').collection<{ _id: string; n: number }>(`of${kill}`).find().toArray()
    const lost = acknowledged.filter((each) => {
      const [writer, n] = each.split(': ')
      return Number(n) > (found.find(({ _id }) => _id === writer)?.n ?? -1)
    })
    expect(acknowledged.length).toBe(WRITERS)
    expect(lost).toEqual([])
  }
})

test('MongoDB documents past their time go, those in time stay', async () => {
  const mongo = stopLater(await startMongo({ dataDir: await dataDir() }))
  await using client = new MongoClient(mongo.url)
  const db = client.db('expiry')
  const now = Date.now()
  const [old, fresh] = [new Date(now - 3_600_000), new Date(now)]
  await db.collection('indexed').createIndex({ at: 1 }, { expireAfterSeconds: 60 })
  await db.collection('indexed').insertMany([{ at: old }, { at: fresh }, { other: 1 }])
  await db.createCollection('series', {
    timeseries: { timeField: 'at', metaField: 'trip' },
    expireAfterSeconds: 60,
  })
  await db.collection('series').insertMany([
    { at: old, trip: 'a' },
    { at: fresh, trip: 'a' },
  ])
  expect(await sweepExpired(client, now)).toBe(2)
  expect(await db.collection('indexed').countDocuments()).toBe(2)
  expect(await db.collection('series').find().toArray()).toMatchObject([{ at: fresh }])
})

test('Valkey keeps its data over an orderly stop, and starts empty after a crash', async () => {
  const valkey = stopLater(await startValkey({ dataDir: await dataDir(), keepOnStop: true }))
  await askValkey(valkey, 'SET session:{u} yes')
  await valkey.restart()
  expect(await askValkey(valkey, 'GET session:{u}')).toBe('$3\r\nyes\r\n')
  await valkey.kill()
  await valkey.restart()
  expect(await askValkey(valkey, 'EXISTS session:{u}')).toBe(':0\r\n')
})

test('a server is not ready while a stranger answers at its port', async () => {
  const stranger = createServer((socket) => socket.end('INFO {"server_name":"somebody"}\r\n'))
  await new Promise<void>((resolve) => {
    stranger.listen(0, HOST, resolve)
  })
  onTestFinished(() => void stranger.close())
  const address = stranger.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port')
  await expect(startNats({ dataDir: await dataDir(), port: address.port })).rejects.toThrow(StartFailed)
})

test('S3 keeps its files and its key over kill -9, and binds presigned addresses to size and type', async () => {
  const folder = await dataDir()
  const server = stopLater(await startRadosgw({ dataDir: folder }))
  const { access } = server.spec
  const s3 = openS3(access)
  onTestFinished(() => s3.destroy())
  const Bucket = access.bucket
  await s3.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'kept' }))
  const command = new PutObjectCommand({
    Bucket,
    Key: 'signed',
    ContentType: 'image/png',
    ContentLength: 4,
  })
  const signableHeaders = new Set(['content-type', 'content-length'])
  const url = await getSignedUrl(s3, command, { expiresIn: 60, signableHeaders })
  const put = async (type: string, body: string) =>
    (await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body })).status
  expect(await put('image/png', 'five!')).toBe(403)
  expect(await put('text/html', 'four')).toBe(403)
  expect(await put('image/png', 'four')).toBe(200)
  await server.kill()
  await server.restart()
  for (const [Key, text] of [
    ['kept', 'kept'],
    ['signed', 'four'],
  ]) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
    expect(await Body?.transformToString()).toBe(text)
  }
  await server.stop()
  const again = stopLater(await startRadosgw({ dataDir: folder }))
  expect(again.spec.access.secretAccessKey).toBe(access.secretAccessKey)
  const { mode } = await stat(again.spec.settings.S3_SECRET_ACCESS_KEY_FILE ?? '')
  expect(mode & 0o077).toBe(0)
})

test('pages of this machine may put files into S3, others may not', async () => {
  const server = stopLater(await startRadosgw({ dataDir: await dataDir() }))
  const allowed = async (origin: string) => {
    const response = await fetch(`${server.url}/${server.spec.access.bucket}/file`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'content-type',
      },
    })
    return response.headers.get('access-control-allow-origin')
  }
  expect(await allowed('http://localhost:8080')).toBe('http://localhost:8080')
  expect(await allowed('https://elsewhere.example')).toBeNull()
})

test('the virus scanner finds the EICAR file, also inside of something else, and nothing in a clean one', async () => {
  const clamd = stopLater(await startClamd({ dataDir: await dataDir() }))
  const scan = async (text: string) => {
    const body = Buffer.from(text, 'latin1')
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    const request = Buffer.concat([Buffer.from('zINSTREAM\0'), length, body, Buffer.alloc(4)])
    return await firstBytes(clamd.port, {
      request,
      isWhole: (answer) => answer.endsWith('\0'),
      signal: AbortSignal.timeout(30_000),
    })
  }
  // In two halves, so that scanners of a developer's machine let this file be.
  const eicar = [String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR`, 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join(
    '-',
  )
  expect(await scan(eicar)).toContain('Eicar-Test-Signature.UNOFFICIAL FOUND')
  expect(await scan(`words before ${eicar}`)).toContain('FOUND')
  expect(await scan('a clean file')).toContain('OK')
})
