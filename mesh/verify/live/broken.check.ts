/**
 * Invariant: the checks of traffic and identity see mistakes.
 * Method: the production manifests with those of broken/ that only real proxies
 * show; what the other checks would refuse is then what happens.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { NAMESPACE } from '../../members.ts'
import { callAs, callFrom, DENIED } from './caller.ts'
import { type LiveMesh, startMesh } from './mesh.ts'
import { planPods, podOf } from './pods.ts'
import type { Resource } from './stand-ins.ts'
import { type Stub, startStub } from './stub.ts'

const COMMAND = '/hushryd.docs.v1.DocumentService/CreateUpload'

let mesh: LiveMesh
let stub: Stub

function broken(name: string): Resource {
  return parse(readFileSync(new URL(`../broken/${name}.yaml`, import.meta.url), 'utf8')) as Resource
}

/** What has the kind and name of a broken one is replaced by it. */
function withMistakes(applied: readonly Resource[]): readonly Resource[] {
  const mistakes = [broken('retried-commands'), broken('open-policy')]
  const isReplaced = ({ kind, metadata }: Resource): boolean =>
    mistakes.some((mistake) => mistake.kind === kind && mistake.metadata.name === metadata.name)
  return [...applied.filter((resource) => !isReplaced(resource)), ...mistakes]
}

beforeAll(async () => {
  const pods = await planPods({ docs: 1, edge: 1 })
  stub = await startStub(podOf(pods, 'docs-1').processPorts.grpc ?? 0)
  mesh = await startMesh({ pods, amend: withMistakes })
})
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
  await stub?.[Symbol.asyncDispose]()
})

test('a route that retries commands is seen by the service that gets them twice', async () => {
  stub.answer = 'UNAVAILABLE'
  using caller = callFrom(podOf(mesh.pods, 'edge-1'), 'docs')
  await caller.call(COMMAND)
  expect(stub.calls.length).toBe(2)
})

test('a policy that lets everyone in is seen by an intruder who gets in', async () => {
  stub.answer = 'OK'
  using caller = callAs(await mesh.authority.issue('intruder', NAMESPACE), podOf(mesh.pods, 'docs-1'))
  const { status, message } = await caller.call(COMMAND)
  expect(message).not.toBe(DENIED)
  expect(status).toBe('0')
})
