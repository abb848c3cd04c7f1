/** The operator's page, held against the manifests: each secret, file, program and name in it exists, and no secret is missing. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { baseManifests, readManifests } from '../mesh/kubernetes/base-manifests.ts'
import { MEMBERS } from '../mesh/members.ts'
import { ROOT, readText } from './sources.ts'

interface ExternalSecret {
  readonly kind: string
  readonly spec: { readonly data: readonly { readonly remoteRef: { readonly key: string } }[] }
}

const PAGE = readText('mesh/README.md')
const PRODUCTION = readdirSync(join(ROOT, 'mesh/kubernetes/overlays/production'))
  .filter((name) => name !== 'kustomization.yaml')
  .flatMap((name) => readManifests(`../overlays/production/${name}`) as unknown as ExternalSecret[])

function keysOf(secrets: readonly ExternalSecret[]): Set<string> {
  const keys = secrets
    .filter(({ kind }) => kind === 'ExternalSecret')
    .flatMap(({ spec }) => spec.data.map(({ remoteRef }) => remoteRef.key))
  return new Set(keys.map((key) => key.replace(/^hushryd\//, '')))
}

/** Names in the first column of the table, and whether development needs them. */
function rowsOf(page: string): ReadonlyMap<string, boolean> {
  const [, table = ''] = /^\| secret \|.*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(page) ?? []
  const first = table.split('\n').map((line) => line.split('|')[1] ?? '')
  const names = first.flatMap((cell) => [...cell.matchAll(/`([a-z0-9-]+)`( \*)?/g)])
  return new Map(names.map(([, name = '', mark]) => [name, mark !== undefined]))
}

test('the page has every secret that the manifests ask for, marks those of development, and no other', () => {
  const base = keysOf(baseManifests<ExternalSecret>('ExternalSecret'))
  const rows = rowsOf(PAGE)
  expect([...rows.keys()].sort()).toEqual([...new Set([...base, ...keysOf(PRODUCTION)])].sort())
  expect(
    [...rows]
      .filter(([, isMarked]) => isMarked)
      .map(([name]) => name)
      .sort(),
  ).toEqual([...base].sort())
})

test('every file and folder that the page names is there', () => {
  const links = [...PAGE.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => join('mesh', path ?? ''))
  const commands = [...PAGE.matchAll(/\bmesh\/[\w./-]*\w/g)].map(([path]) => path)
  const named = [
    ...PAGE.matchAll(/`([\w/.-]+\.(?:yaml|ts)|(?:istio|kubernetes|telemetry|verify|gateway)\/[\w/-]*)`/g),
  ]
  const folders = [
    'mesh',
    'mesh/istio',
    'mesh/kubernetes',
    'mesh/kubernetes/base',
    'mesh/kubernetes/overlays/production',
  ]
  const isThere = (path: string): boolean => existsSync(join(ROOT, path))
  const missing = [
    ...[...links, ...commands].filter((path) => !isThere(path)),
    ...named
      .map(([, path]) => path ?? '')
      .filter((path) => !folders.some((folder) => isThere(join(folder, path)))),
  ]
  expect(missing).toEqual([])
})

test('the page waits for every program, and runs scripts that there are', () => {
  const [, waited = ''] = /for name in ([a-z -]+); do/.exec(PAGE) ?? []
  expect(waited.split(' ').sort()).toEqual(MEMBERS.map(({ name }) => name).sort())
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  const run = [...PAGE.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? '')
  expect(run.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
})
