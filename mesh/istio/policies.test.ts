/** The manifests as an operator applies them, held against the contract: nothing is missing and nothing is too much. */
import { readFileSync } from 'node:fs'
import { Audience } from '@hushryd/gen/hushryd/options/v1/options.ts'
import { audiencesOf } from '@hushryd/kernel/rpc/audience.ts'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { generateManifests } from '../generate.ts'
import { BACKEND, GATEWAY, MEMBERS, principalOf } from '../members.ts'
import { type MeshMethod, meshMethods } from '../rights.ts'

interface Rule {
  readonly from: readonly { source: { principals?: readonly string[] } }[]
  readonly to: readonly { operation: { ports: readonly string[]; paths?: readonly string[] } }[]
}

interface Route {
  readonly name: string
  readonly match?: readonly { uri: { exact: string } }[]
  readonly timeout?: string
  readonly retries: { readonly attempts: number }
}

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
}

function specsOf<S>(path: string): ReadonlyMap<string, S> {
  const documents = parseAllDocuments(read(path)).map(
    (document) => document.toJS() as { metadata: { name: string }; spec: S },
  )
  return new Map(documents.map(({ metadata, spec }) => [metadata.name, spec]))
}

const METHODS = meshMethods()
const PATHS = METHODS.map(({ path }) => path)
const POLICIES = specsOf<{ rules: readonly Rule[] }>('istio/generated/authorization.yaml')
const ROUTES = specsOf<{ http: readonly Route[] }>('istio/generated/routes.yaml')

/** Whom the policy of its service lets call it. */
function allowed({ path, member }: MeshMethod): string[] {
  return (POLICIES.get(member.name)?.rules ?? [])
    .filter(({ to }) => to.some(({ operation }) => operation.paths?.includes(path)))
    .flatMap(({ from }) => from.flatMap(({ source }) => source.principals ?? []))
    .sort()
}

function routesOf({ path, member }: MeshMethod): Route[] {
  return (ROUTES.get(member.name)?.http ?? []).filter(({ match = [] }) =>
    match.some(({ uri }) => uri.exact === path),
  )
}

test('the generated manifests are those of the contract: `npm run mesh:generate` writes them', () => {
  for (const [path, text] of generateManifests()) expect(read(path), path).toBe(text)
})

test('policies and routes name methods of the contract, whole and by themselves, and all of them', () => {
  const inPolicies = [...POLICIES.values()].flatMap(({ rules }) =>
    rules.flatMap(({ to }) => to.flatMap(({ operation }) => operation.paths ?? [])),
  )
  const inRoutes = [...ROUTES.values()].flatMap(({ http }) =>
    http.flatMap(({ match = [] }) => match.map(({ uri }) => uri.exact)),
  )
  expect(inPolicies.sort()).toEqual(
    METHODS.filter(({ principals }) => principals.length > 0).map(({ path }) => path),
  )
  expect(inRoutes.sort()).toEqual(PATHS)
})

test('every service of the contract has a policy and routes, and nothing else has', () => {
  const served = [...new Set(METHODS.map(({ member }) => member.name))].sort()
  expect([...POLICIES.keys()].sort()).toEqual(served)
  expect([...ROUTES.keys()].sort()).toEqual(served)
  expect(
    MEMBERS.filter(({ grpcPort }) => grpcPort !== undefined)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(served)
})

test('every rule names identities in full, and ports', () => {
  for (const [name, { rules }] of POLICIES) {
    for (const { from, to } of rules) {
      const principals = from.flatMap(({ source }) => source.principals ?? [])
      expect(principals.length, name).toBeGreaterThan(0)
      expect(principals.every((principal) => /^[a-z.]+\/ns\/[a-z-]+\/sa\/[a-z-]+$/.test(principal))).toBe(
        true,
      )
      expect(to.every(({ operation }) => operation.ports.length > 0)).toBe(true)
    }
  }
})

test('HushRyd’s backend calls what has its audience, people’s calls come through the edge only', () => {
  const backend = principalOf(BACKEND.account, BACKEND.namespace)
  for (const method of METHODS) {
    const audiences = audiencesOf(method.path)
    const principals = allowed(method)
    expect(principals.includes(backend), method.path).toBe(audiences.has(Audience.AUDIENCE_BACKEND))
    if (audiences.size > 0) expect(principals, method.path).toContain(principalOf('edge'))
  }
})

test('the gateway reaches the edge’s public port and not one method', () => {
  const gateway = principalOf(GATEWAY.account, GATEWAY.namespace)
  const rules = [...POLICIES].flatMap(([name, { rules: own }]) =>
    own
      .filter(({ from }) => from.some(({ source }) => source.principals?.includes(gateway)))
      .map(({ to }) => ({ name, to })),
  )
  expect(rules).toEqual([{ name: 'edge', to: [{ operation: { ports: ['8080'] } }] }])
})

test('a read may be sent twice, a command never, and a stream lasts as long as it likes', () => {
  for (const method of METHODS) {
    const [route, ...more] = routesOf(method)
    expect(more, method.path).toEqual([])
    expect(route?.retries.attempts, method.path).toBe(method.class === 'read' ? 1 : 0)
    if (method.class === 'stream') expect(route?.timeout, method.path).toBeUndefined()
  }
})

test('where a route says nothing of methods it comes last and retries nothing', () => {
  for (const { http } of ROUTES.values()) {
    const open = http.filter(({ match }) => match === undefined)
    expect(open).toEqual([http.at(-1)])
    expect(open[0]?.retries.attempts).toBe(0)
  }
})
