/**
 * Invariant: each method is open to the identities that the contract and the
 * table of members name, and to nobody else; nobody speaks without a
 * certificate of the mesh.
 * Method: the production manifests on real Envoys in front of the real
 * services; every identity calls every method, straight at the pods.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBackend } from '@hushryd/local/demo/backend.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BACKEND, GATEWAY, MEMBERS, NAMESPACE, principalOf } from '../../members.ts'
import { meshMethods } from '../../rights.ts'
import { istioTools } from '../toolchain.ts'
import { callAs, DENIED, knockPlainly } from './caller.ts'
import { createAuthority } from './certificates.ts'
import { type LiveMesh, startMesh } from './mesh.ts'
import { planPods, podOf } from './pods.ts'
import { trustPublicly } from './public-trust.ts'
import { describeSystem, type LiveSystem, PUBLIC_URL } from './system.ts'

const SERVED = MEMBERS.filter(({ grpcPort }) => grpcPort !== undefined).map(({ name }) => name)

/** Everyone who has a certificate of the mesh, and some who would like to be someone else. */
const IDENTITIES = [
  ...MEMBERS.map(({ name }) => ({ account: name, namespace: NAMESPACE })),
  BACKEND,
  GATEWAY,
  { account: 'intruder', namespace: NAMESPACE },
  // A service account of the right name where anyone may make one.
  { account: 'edge', namespace: 'elsewhere' },
  { account: BACKEND.account, namespace: 'elsewhere' },
]

let mesh: LiveMesh
let system: LiveSystem
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushryd-mesh-system-'))
  const counts = Object.fromEntries(SERVED.map((name) => [name, 1]))
  const pods = await planPods({ ...counts, [GATEWAY.account]: 1 })
  system = await describeSystem(pods, { folder })
  mesh = await startMesh({ pods, processes: system.specs })
  trustPublicly(mesh.authority.root)
})
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('every identity is let in to its own methods, and denied on each of the others', async () => {
  const wrong: string[] = []
  for (const { account, namespace } of IDENTITIES) {
    const principal = principalOf(account, namespace)
    const certificate = await mesh.authority.issue(account, namespace)
    using stack = new DisposableStack()
    const callers = new Map(
      SERVED.map((member) => [member, stack.use(callAs(certificate, podOf(mesh.pods, `${member}-1`)))]),
    )
    await Promise.all(
      meshMethods().map(async ({ path, member, principals }) => {
        // Streams that wait for their client are ended by the service.
        const answer = await callers.get(member.name)?.call(path, { 'grpc-timeout': '2S' })
        const isDenied = answer?.status === '7' && answer.message === DENIED
        if (isDenied === principals.includes(principal)) {
          wrong.push(`${principal} ${path}: ${answer?.status} ${answer?.message}`)
        }
      }),
    )
  }
  expect(wrong).toEqual([])
})

test('who has no certificate, or one of another authority, does not even reach the policy', async () => {
  const pod = podOf(mesh.pods, 'directory-1')
  const path = '/hushryd.directory.v1.DirectoryService/GetTrip'
  expect(await knockPlainly(pod, path)).toBe('cut off')

  const { certificates } = await istioTools()
  const stranger = await createAuthority(certificates, join(folder, 'stranger'))
  const forged = await stranger.issue('edge', NAMESPACE)
  using caller = callAs({ ...forged, root: mesh.authority.root }, pod)
  await expect(caller.call(path)).rejects.toThrow()
})

test('what the mesh lets in reaches the services: a trip made from outside is known to all that need it', async () => {
  const backend = openBackend(PUBLIC_URL, system.serviceKey)
  await backend.putTrip('mesh-trip', { driverId: 'asha', passengerIds: ['ravi'], status: 'ACTIVE' })
  const token = await backend.signIn('ravi', 'passenger')
  const ask = (bearer: string): Promise<Response> =>
    fetch(`${PUBLIC_URL}/v1/trips/mesh-trip/trail?fromMs=0`, {
      headers: { authorization: `Bearer ${bearer}` },
    })
  expect((await ask(token)).status).toBe(200)
  // The location service has asked the directory who takes part.
  expect((await ask(await backend.signIn('stranger', 'passenger'))).status).toBe(403)
})
