/**
 * Invariant: what a store acknowledged outlives kill -9 of its process.
 * Method: acknowledged writes, SIGKILL in the middle of more of them, restart on the same port and data.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import { expect, onTestFinished, test } from 'vitest'
import { StartFailed } from '../child.ts'
import { HOST } from '../ports.ts'
import { firstBytes } from './first-bytes.ts'
import type { LocalServer } from './local-server.ts'
import { startMongo } from './mongo.ts'
import { sweepExpired } from './mongo-sweep.ts'
import { startNats } from './nats.ts'
import { startValkey } from './valkey.ts'

async function dataDir(): Promise<string> {
  // The space is meant: people keep their clones in such folders.
  const folder = await mkdtemp(join(tmpdir(), 'hushryd servers-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function stopLater(server: LocalServer): LocalServer {
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
