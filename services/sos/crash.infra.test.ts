/**
 * Invariant: what was accepted is stored once, its contacts are told under one
 * key, and operations know of it. Method: the program in a process of its own
 * is killed by SIGKILL in the middle of 500 alerts on its lane; the edge sends
 * what has no answer to the next one, as it does.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { ConnectRequest, LaneTrigger } from '@hushryd/gen/hushryd/sos/v1/lane.ts'
import { SosServiceDefinition } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { PEER_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { expect, it } from 'vitest'
import { fromDocument } from './alert-document.ts'
import { World } from './testing/sos-node.ts'
import { findBrokenTrail } from './verify-audit.ts'

const ALERTS = 500
const PART = 10

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function startProcess(world: World): Promise<{ child: ChildProcess; port: number }> {
  const [port, opsPort] = [await freePort(), await freePort()]
  const script = join(import.meta.dirname, 'testing', 'namespaced-main.ts')
  const child = spawn(process.execPath, [script, world.prefix], {
    env: {
      PATH: process.env.PATH,
      ...world.env(),
      LOG_LEVEL: 'error',
      PORT: String(port),
      OPS_PORT: String(opsPort),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await until(async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok, { timeoutMs: 20_000 })
  return { child, port }
}

async function kill(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

/** Sends the triggers in small parts, each after an answer to the one before, and answers which were accepted. */
async function runLane(
  port: number,
  triggers: readonly LaneTrigger[],
  onAccepted: (ref: number) => void,
): Promise<void> {
  const channel = openRpcChannel({ address: `127.0.0.1:${port}`, peer: peerCredential('edge', PEER_KEY) })
  const client = createRpcClient(SosServiceDefinition, channel, { timeoutMs: 5_000 })
  let answered = 0
  let wake = Promise.withResolvers<void>()
  async function* requests(): AsyncGenerator<ConnectRequest> {
    for (let sent = 0; sent < triggers.length; sent += PART) {
      yield { edgeId: 'edge-1', triggers: triggers.slice(sent, sent + PART) }
      // Two parts are always on their way, so that a kill meets some of them.
      while (answered < sent - PART) {
        wake = Promise.withResolvers<void>()
        await wake.promise
      }
    }
    await wake.promise
  }
  try {
    for await (const { results } of client.connect(requests())) {
      for (const { ref, error } of results) if (error === undefined) onAccepted(ref)
      answered += results.length
      wake.resolve()
      if (answered === triggers.length) return
    }
  } finally {
    wake.resolve()
    channel.close()
  }
}

it('a process killed in the middle of a flood loses nothing that it accepted, and each alert is one', {
  timeout: 90_000,
}, async () => {
  await using world = await World.start()
  const triggers = Array.from(
    { length: ALERTS },
    (_, ref): LaneTrigger => ({
      ref,
      userId: world.id('user'),
      role: 'passenger',
      alertId: world.id(),
      tripId: world.id('trip'),
      bookingId: '',
      location: undefined,
      receivedAt: Date.now(),
    }),
  )
  const accepted = new Set<number>()
  const first = await startProcess(world)
  const half = Promise.withResolvers<void>()
  const lane = runLane(first.port, triggers, (ref) => {
    accepted.add(ref)
    if (accepted.size >= ALERTS / 2) half.resolve()
  }).catch(() => undefined)
  await half.promise
  await kill(first.child, 'SIGKILL')
  await lane
  const beforeCrash = new Set(accepted)
  expect(beforeCrash.size).toBeLessThan(ALERTS)

  const second = await startProcess(world)
  try {
    // What has no answer is sent again, and some of what has one.
    const again = triggers.filter(({ ref }) => !beforeCrash.has(ref) || ref % 10 === 0)
    await runLane(second.port, again, (ref) => accepted.add(ref))
    expect(accepted.size).toBe(ALERTS)
    await until(async () => (await world.openBatches()) === 0, {
      timeoutMs: 40_000,
      what: 'every open batch',
    })

    const documents = await world.alerts.find().toArray()
    expect(documents.map(({ _id }) => _id).toSorted()).toEqual(
      triggers.map(({ alertId }) => alertId).toSorted(),
    )
    const trails = documents.map((document) => findBrokenTrail(fromDocument(document)))
    expect(trails.filter((trail) => trail !== undefined)).toEqual([])
    await until(() => world.events.filter(({ type }) => type === 'sos.triggered').length >= ALERTS)
    const known = new Set(world.events.map(({ eventId }) => eventId))
    expect([...known].filter((id) => id.endsWith(':triggered'))).toHaveLength(ALERTS)
    const keys = (await world.queued()).map(({ idempotencyKey }) => idempotencyKey)
    // A repeat has the same key, which is how notify knows it.
    expect(new Set(keys).size).toBe(ALERTS)
  } finally {
    await kill(second.child, 'SIGTERM')
  }
})
