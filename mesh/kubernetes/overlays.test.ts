/** What the overlays change by name, held against the members of the mesh. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { MEMBERS } from '../members.ts'
import { baseManifests, readManifests } from './base-manifests.ts'

interface Kustomization {
  readonly patches: readonly { readonly target: { kind: string; name?: string }; readonly patch: string }[]
}

interface NetworkPolicy {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly podSelector: { readonly matchExpressions: readonly { readonly values: readonly string[] }[] }
  }
}

const WITH_REDIS = MEMBERS.filter(({ stores }) => stores.includes('redis'))
  .map(({ name }) => name)
  .sort()

function production<M>(file: string): readonly M[] {
  return readManifests(`../overlays/production/${file}`) as unknown as M[]
}

test('whoever has a Redis reaches the managed one: by settings, by its proxy and through the network', () => {
  const [overlay] = production<Kustomization>('kustomization.yaml')
  const patches = overlay?.patches ?? []
  const proxies = patches.find(({ target }) => target.kind === 'Sidecar')
  const [host] = parse(proxies?.patch ?? '[]') as readonly { value: string }[]
  expect(proxies?.target.name?.replace(/[()]/g, '').split('|')).toEqual(WITH_REDIS)

  const manifests = production<NetworkPolicy & { spec: { hosts?: readonly string[] } }>('redis.yaml')
  const [name = ''] = manifests.find(({ kind }) => kind === 'ServiceEntry')?.spec.hosts ?? []
  expect(host?.value).toBe(`hushryd-stores/${name}`)
  expect(patches.some(({ patch }) => patch.includes(`redis://${name}:6379`))).toBe(true)
  const network = manifests.find(({ kind }) => kind === 'NetworkPolicy')
  expect(network?.spec.podSelector.matchExpressions[0]?.values).toEqual(WITH_REDIS)
})

interface Patch {
  readonly op: string
  readonly path: string
  readonly value: string
}

test('the public name is one name wherever an overlay sets it', () => {
  for (const overlay of ['development', 'production']) {
    const [{ patches } = { patches: [] }] = readManifests(
      `../overlays/${overlay}/kustomization.yaml`,
    ) as unknown as Kustomization[]
    const changes = patches.flatMap(({ patch }) => parse(patch) as Patch[])
    const hosts = changes.filter(({ path }) => /\/hosts\/0$/.test(path)).map(({ value }) => value)
    const url = changes.find(({ path }) => path === '/data/PUBLIC_URL')?.value
    expect(new Set(hosts).size, overlay).toBe(1)
    expect(url, overlay).toBe(`https://${hosts[0]}`)
  }
})

interface ExternalSecret {
  readonly spec: { readonly data: readonly { readonly remoteRef: { readonly key: string } }[] }
}

interface SecretPatch {
  readonly path: string
  readonly value: { readonly key: string; readonly property: string }
}

test('in development each secret is a key of one Secret, under the name that production has', () => {
  const [{ patches } = { patches: [] }] = readManifests(
    '../overlays/development/kustomization.yaml',
  ) as unknown as Kustomization[]
  for (const { metadata, spec } of baseManifests<ExternalSecret>('ExternalSecret')) {
    const own = patches.find(
      ({ target }) => target.kind === 'ExternalSecret' && target.name === metadata.name,
    )
    const changes = parse(own?.patch ?? '[]') as SecretPatch[]
    expect(changes.map(({ path, value }) => `${path} ${value.key}/${value.property}`)).toEqual(
      spec.data.map(({ remoteRef }, index) => `/spec/data/${index}/remoteRef ${remoteRef.key}`),
    )
  }
})
