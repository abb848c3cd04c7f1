/**
 * Invariant: a command is sent once, a read twice at most; who fails is left
 * alone; a partition keeps its pod; what exceeds a limit is told so at once.
 * Method: the production manifests on real Envoys, fed by istiod; behind them
 * processes that answer as the check wants and count what reaches them.
 */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { limitsOf } from '../../istio/destinations.ts'
import { meshMethods } from '../../rights.ts'
import { callFrom } from './caller.ts'
import { type LiveMesh, startMesh } from './mesh.ts'
import { type Pod, planPods, podOf } from './pods.ts'
import { type Stub, startStub } from './stub.ts'

const READ = '/hushryd.docs.v1.DocumentService/GetDocument'
const COMMAND = '/hushryd.docs.v1.DocumentService/CreateUpload'
const LANE = '/hushryd.location.v1.LocationService/Connect'
const PARTITIONS = 16
const PATIENCE = { timeout: 60_000, interval: 50 }

let mesh: LiveMesh
let pods: readonly Pod[]
const stubs = new Map<string, Stub>()

function stub(name: string): Stub {
  const found = stubs.get(name)
  if (found === undefined) throw new Error(`no process behind ${name}`)
  return found
}

function edge(number = 1): Pod {
  return podOf(pods, `edge-${number}`)
}

beforeAll(async () => {
  pods = await planPods({ docs: 3, location: 3, edge: 3 })
  for (const { name, member, processPorts } of pods) {
    if (member !== 'edge') stubs.set(name, await startStub(processPorts.grpc ?? 0))
  }
  mesh = await startMesh({ pods })
})
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
  await Promise.all([...stubs.values()].map((each) => each[Symbol.asyncDispose]()))
})
beforeEach(() => {
  for (const each of stubs.values()) {
    each.answer = 'OK'
    each.calls.length = 0
  }
})

function callsOf(member: string): number {
  return [...stubs]
    .filter(([name]) => name.startsWith(member))
    .reduce((sum, [, { calls }]) => sum + calls.length, 0)
}

test('a command whose service is unavailable is sent once, a read twice', async () => {
  for (const each of stubs.values()) each.answer = 'UNAVAILABLE'
  using caller = callFrom(edge(), 'docs')
  expect((await caller.call(COMMAND)).status).toBe('14')
  expect(callsOf('docs')).toBe(1)
  expect((await caller.call(READ)).status).toBe('14')
  expect(callsOf('docs')).toBe(3)
})

test('no method of the contract is sent twice but reads', async () => {
  for (const each of stubs.values()) each.answer = 'UNAVAILABLE'
  for (const { path, member, class: kind } of meshMethods()) {
    if (member.name !== 'docs' && member.name !== 'location') continue
    for (const each of stubs.values()) each.calls.length = 0
    using caller = callFrom(edge(2), member.name)
    await caller.call(path)
    // Those that fail in a row are left alone for a while: fewer tries, never more.
    expect(callsOf(member.name), path).toBeLessThanOrEqual(kind === 'read' ? 2 : 1)
  }
})

test('a partition of the lane keeps its pod, whichever edge opens it, and pods share the partitions', async () => {
  for (const number of [1, 2]) {
    using caller = callFrom(edge(number), 'location')
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      for (let again = 0; again < 3; again += 1) {
        const answer = await caller.call(LANE, { 'x-hushryd-partition': String(partition) })
        expect(answer.status).toBe('0')
      }
    }
  }
  const podsOf = Array.from({ length: PARTITIONS }, (_, partition) =>
    [...stubs]
      .filter(([, { calls }]) => calls.some((call) => call.partition === String(partition)))
      .map(([name]) => name),
  )
  expect(podsOf.filter((names) => names.length !== 1)).toEqual([])
  expect(new Set(podsOf.flat()).size).toBeGreaterThan(1)
})

test('a pod that fails five times in a row is left alone, and the others take its calls', async () => {
  const failing = stub('docs-2')
  failing.answer = 'UNAVAILABLE'
  // One that has counted no failures yet.
  using caller = callFrom(edge(3), 'docs')
  const round = async (): Promise<number> => {
    const before = failing.calls.length
    for (let call = 0; call < 30; call += 1) await caller.call(COMMAND)
    return failing.calls.length - before
  }
  // Commands are not tried again: each of these failures is one that a caller saw.
  expect(await round()).toBeGreaterThan(0)
  await vi.waitFor(async () => expect(await round()).toBe(0), PATIENCE)
  expect(failing.calls.length).toBeGreaterThanOrEqual(5)
  expect(failing.calls.length).toBeLessThan(30)
})

test('what exceeds the limit of calls at once is answered UNAVAILABLE at once, and says why', async () => {
  for (const each of stubs.values()) each.answer = 'never'
  const { requestsMax } = limitsOf('docs')
  const over = 50
  const callers = Array.from({ length: 10 }, () => callFrom(edge(2), 'docs'))
  try {
    const refused: string[] = []
    const enough = Promise.withResolvers<void>()
    for (let index = 0; index < requestsMax + over; index += 1) {
      callers[index % callers.length]
        ?.call(COMMAND)
        .then(({ status, message }) => {
          if (status === undefined) return
          refused.push(`${status} ${message}`)
          if (refused.length === over) enough.resolve()
        })
        .catch(() => undefined)
    }
    await enough.promise
    expect(callsOf('docs')).toBeLessThanOrEqual(requestsMax)
    expect([...new Set(refused)]).toEqual([expect.stringMatching(/^14 .*overflow/)])
  } finally {
    for (const caller of callers) caller[Symbol.dispose]()
  }
})
