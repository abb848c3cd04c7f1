/**
 * Invariant: the checks of traffic, identity and sockets see mistakes.
 * Method: the production manifests with those of broken/ that only real proxies
 * show; what the other checks would refuse is then what happens.
 */
import { readFileSync } from 'node:fs'
import { HOST } from '@hushryd/local/ports.ts'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { parse } from 'yaml'
import { limitsOf, PARTITION_HEADER } from '../../istio/destinations.ts'
import { GATEWAY, NAMESPACE } from '../../members.ts'
import { callAs, callFrom, DENIED, knockPlainly } from './caller.ts'
import { type LiveMesh, startMesh } from './mesh.ts'
import { planPods, podOf } from './pods.ts'
import { trustPublicly } from './public-trust.ts'
import type { Resource } from './stand-ins.ts'
import { type Stub, startStub } from './stub.ts'
import { PUBLIC_URL } from './system.ts'

const COMMAND = '/hushryd.docs.v1.DocumentService/CreateUpload'
const LANE = '/hushryd.location.v1.LocationService/Connect'
const PATIENCE = { timeout: 60_000, interval: 50 }
const MISTAKES = [
  'retried-commands',
  'open-policy',
  'trusting-transport',
  'unbounded',
  'scattered-lane',
  'impatient-gateway',
]

let mesh: LiveMesh
let sockets: WebSocketServer
const stubs = new Map<string, Stub>()

function broken(name: string): Resource {
  return parse(readFileSync(new URL(`../broken/${name}.yaml`, import.meta.url), 'utf8')) as Resource
}

/** What has the kind and name of a broken one is replaced by it. */
function withMistakes(applied: readonly Resource[]): readonly Resource[] {
  const mistakes = MISTAKES.map(broken)
  const isReplaced = ({ kind, metadata }: Resource): boolean =>
    mistakes.some(
      (mistake) =>
        mistake.kind === kind &&
        mistake.metadata.name === metadata.name &&
        mistake.metadata.namespace === metadata.namespace,
    )
  return [...applied.filter((resource) => !isReplaced(resource)), ...mistakes]
}

beforeAll(async () => {
  const pods = await planPods({ docs: 3, location: 3, edge: 1, [GATEWAY.account]: 1 })
  for (const { name, member, processPorts } of pods) {
    if (member === 'docs' || member === 'location') stubs.set(name, await startStub(processPorts.grpc ?? 0))
  }
  sockets = new WebSocketServer({ host: HOST, port: podOf(pods, 'edge-1').processPorts.http ?? 0 })
  mesh = await startMesh({ pods, amend: withMistakes })
  trustPublicly(mesh.authority.root)
})
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
  sockets?.close()
  await Promise.all([...stubs.values()].map((stub) => stub[Symbol.asyncDispose]()))
})
beforeEach(() => {
  for (const stub of stubs.values()) {
    stub.answer = 'OK'
    stub.calls.length = 0
  }
})

function stubsOf(member: string): Stub[] {
  return [...stubs].filter(([name]) => name.startsWith(member)).map(([, stub]) => stub)
}

function callsOf(member: string): number {
  return stubsOf(member).reduce((sum, { calls }) => sum + calls.length, 0)
}

test('retried-commands.yaml is caught: the service gets the command twice', async () => {
  for (const stub of stubsOf('docs')) stub.answer = 'UNAVAILABLE'
  using caller = callFrom(podOf(mesh.pods, 'edge-1'), 'docs')
  await caller.call(COMMAND)
  expect(callsOf('docs')).toBe(2)
})

test('open-policy.yaml is caught: an intruder gets in', async () => {
  using caller = callAs(await mesh.authority.issue('intruder', NAMESPACE), podOf(mesh.pods, 'docs-1'))
  const { status, message } = await caller.call(COMMAND)
  expect(message).not.toBe(DENIED)
  expect(status).toBe('0')
})

test('trusting-transport.yaml is caught: who has no certificate is answered', async () => {
  expect(await knockPlainly(podOf(mesh.pods, 'location-1'), LANE)).toBe('answered')
})

test('unbounded.yaml is caught: a pod that fails goes on getting its share', async () => {
  const [failing] = stubsOf('docs')
  if (failing === undefined) throw new Error('no process behind docs')
  failing.answer = 'UNAVAILABLE'
  using caller = callFrom(podOf(mesh.pods, 'edge-1'), 'docs')
  for (let round = 0; round < 4; round += 1) {
    const before = failing.calls.length
    for (let call = 0; call < 30; call += 1) await caller.call(COMMAND)
    expect(failing.calls.length).toBeGreaterThan(before)
  }
})

test('unbounded.yaml is caught: what exceeds the limit of calls at once reaches the service', async () => {
  for (const stub of stubsOf('docs')) stub.answer = 'never'
  const { requestsMax } = limitsOf('docs')
  const callers = Array.from({ length: 10 }, () => callFrom(podOf(mesh.pods, 'edge-1'), 'docs'))
  try {
    for (let index = 0; index < requestsMax + 50; index += 1) {
      callers[index % callers.length]?.call(COMMAND).catch(() => undefined)
    }
    await vi.waitFor(() => expect(callsOf('docs')).toBeGreaterThan(requestsMax), PATIENCE)
  } finally {
    for (const caller of callers) caller[Symbol.dispose]()
  }
})

test('scattered-lane.yaml is caught: a partition reaches more pods than one', async () => {
  using caller = callFrom(podOf(mesh.pods, 'edge-1'), 'location')
  for (let call = 0; call < 60; call += 1) await caller.call(LANE, { [PARTITION_HEADER]: '7' })
  expect(stubsOf('location').filter(({ calls }) => calls.length > 0).length).toBeGreaterThan(1)
})

test('impatient-gateway.yaml is caught: a socket on which nothing travels is closed', async () => {
  const socket = new WebSocket(`${PUBLIC_URL.replace('https', 'wss')}/v1/ws`)
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve('closed')))
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.once('open', resolve))
  expect(await closed).toBe('closed')
})
