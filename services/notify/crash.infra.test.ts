/**
 * Invariant: a notification that was accepted is handed over, and more than
 * once only where a process died between the hand-over and its record. Method:
 * the real program in a process of its own is killed by SIGKILL in the middle
 * of 300 messages; another one follows.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { PEER_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { MongoClient } from 'mongodb'
import { expect, it } from 'vitest'
import type { NotificationDocument } from './record-document.ts'
import { newKeyLine, nodeEnv, testUrl } from './testing/notify-node.ts'
import { startPeople } from './testing/people.ts'

const MESSAGES = 300
const ANSWER_AFTER_MS = 10
/** From so many on Twilio is silent until the process has been killed: the kill meets it in the middle on every machine. */
const ANSWERED = MESSAGES / 4

/** Twilio's Messages resource, as far as the adapter looks. */
class Twilio {
  readonly sent: string[] = []
  isSilent = true
  readonly server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      this.sent.push(new URLSearchParams(body).get('To') ?? '')
      if (this.isSilent && this.sent.length > ANSWERED) return
      const sid = `SM${String(this.sent.length).padStart(32, '0')}`
      setTimeout(() => {
        response
          .writeHead(201, { 'content-type': 'application/json' })
          .end(JSON.stringify({ sid, status: 'queued' }))
      }, ANSWER_AFTER_MS)
    })
  })

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  times(phone: string): number {
    return this.sent.filter((to) => to === phone).length
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

async function startProcess(env: Record<string, string>): Promise<{ child: ChildProcess; port: number }> {
  const [port, opsPort] = [await freePort(), await freePort()]
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { PATH: process.env.PATH, ...env, PORT: String(port), OPS_PORT: String(opsPort) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await until(async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok, { timeoutMs: 15_000 })
  return { child, port }
}

async function kill(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

it('a process killed in the middle of a flood loses nothing, and only what it had in hand goes out again', {
  timeout: 170_000,
}, async () => {
  const prefix = uniquePrefix()
  const mongoDb = `${prefix}notify`
  const twilio = new Twilio()
  const baseUrl = await twilio.listen()
  await using people = await startPeople()
  const env = nodeEnv({
    namespace: '',
    mongoDb,
    keys: newKeyLine(),
    directoryAddress: people.rpc.address,
    env: {
      LOG_LEVEL: 'error',
      TWILIO_BASE_URL: baseUrl,
      TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
      TWILIO_AUTH_TOKEN: 'auth-token-of-the-tests',
      TWILIO_FROM: '+15005550006',
    },
  })
  const phones = Array.from({ length: MESSAGES }, (_, index) => `+9196543${String(index).padStart(5, '0')}`)
  for (const [index, phone] of phones.entries()) people.add({ userId: `${prefix}-${index}`, phone })

  const first = await startProcess(env)
  const channel = openRpcChannel({
    address: `127.0.0.1:${first.port}`,
    peer: peerCredential('sos', PEER_KEY),
  })
  const client = createRpcClient(NotifyServiceDefinition, channel, { timeoutMs: 8_000 })
  const { notificationIds } = await client.queueNotifications({
    notifications: phones.map((_phone, index) => ({
      recipient: { $case: 'userId' as const, value: `${prefix}-${index}` },
      channels: ['sms'],
      template: 'ride_update',
      data: { update: 'Here.' },
      priority: 'high',
      idempotencyKey: `${prefix}-${index}`,
    })),
  })
  await until(() => twilio.sent.length > ANSWERED, { timeoutMs: 60_000 })
  await kill(first.child, 'SIGKILL')
  twilio.isSilent = false
  channel.close()
  expect(twilio.sent.length).toBeLessThan(MESSAGES)

  const second = await startProcess(env)
  const mongo = new MongoClient(testUrl('TEST_MONGO_URL'))
  try {
    const records = mongo.db(mongoDb).collection<NotificationDocument>('notifications')
    // Those that were in hand wait for the end of the dead process's lease, and for its messages to come again.
    await until(async () => (await records.countDocuments({ state: 'sent' })) === MESSAGES, {
      timeoutMs: 120_000,
      what: 'every record',
    })
    for (const [index, phone] of phones.entries()) {
      const record = await records.findOne({ _id: notificationIds[index] ?? '' })
      const tries = record?.attempts.reduce((sum, attempt) => sum + attempt.tries, 0) ?? 0
      expect(twilio.times(phone)).toBeGreaterThanOrEqual(1)
      expect(twilio.times(phone)).toBeLessThanOrEqual(tries)
    }
    const repeated = phones.filter((phone) => twilio.times(phone) > 1)
    // What one process has in hand at once.
    expect(repeated.length).toBeLessThanOrEqual(128)
  } finally {
    await kill(second.child, 'SIGTERM')
    twilio.server.close()
    await mongo.db(mongoDb).dropDatabase()
    await mongo.close()
    const nats = await connect({ servers: testUrl('TEST_NATS_URL') })
    const manager = await jetstreamManager(nats)
    for (const stream of ['NOTIFY', 'NOTIFY_OUTCOME', 'NOTIFY_DEAD']) await manager.streams.delete(stream)
    await nats.close()
  }
})
