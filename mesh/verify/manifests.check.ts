/**
 * Invariant: what an operator applies is accepted by an API server and by
 * Istio, without a warning, and its pods are let in with their sidecars.
 * Method: the rendered overlays, through the schemas of Kubernetes, of Istio
 * and of the operators (unknown fields and CEL rules included), through
 * istioctl, and through Istio's injector. Each file of broken/ is one mistake
 * and names who catches it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { beyondBaseline, hasOrderedSidecar, injectSidecars } from './injection.ts'
import { renderManifests } from './live/mesh.ts'
import { type IstioTools, istioTools, run, schemaFolders, ToolProblem } from './toolchain.ts'

const OVERLAYS = ['development', 'production'] as const
const INSTALL = fileURLToPath(new URL('../istio/install.yaml', import.meta.url))
const TELEMETRY = fileURLToPath(new URL('../telemetry', import.meta.url))
const WRITE_TELEMETRY = fileURLToPath(new URL('../../tools/telemetry/write.ts', import.meta.url))

let tools: IstioTools
let schemas: readonly string[]

beforeAll(async () => {
  tools = await istioTools()
  schemas = await schemaFolders()
})

/** What each catcher says of manifests; where it has nothing against them, what it says then. */
const CATCHERS: Readonly<Record<string, (manifests: string) => Promise<string>>> = {
  validator: (manifests) => run('the validator', [tools.validator, ...schemas], { input: manifests }),
  'istioctl validate': (manifests) =>
    run('istioctl validate', [tools.istioctl, 'validate', '-f', '-'], { input: manifests }),
  'istioctl analyze': (manifests) =>
    run(
      'istioctl analyze',
      [tools.istioctl, 'analyze', '--use-kube=false', '--failure-threshold', 'Info', '--all-namespaces', '-'],
      { input: manifests },
    ),
}

test.each(OVERLAYS)(
  'the overlay %s is valid, by every schema and for istioctl, without a warning',
  async (overlay) => {
    const manifests = await renderManifests(tools, overlay)
    const said = await Promise.all(
      Object.entries(CATCHERS).map(async ([name, check]) => [name, await check(manifests)] as const),
    )
    expect(Object.fromEntries(said)).toEqual({
      validator: expect.stringMatching(/\d+ manifests are valid\n$/),
      'istioctl validate': expect.not.stringMatching(/warn|error/i),
      'istioctl analyze': expect.stringContaining('No validation issues found'),
    })
  },
)

test('telemetry is valid, by every schema', async () => {
  await run('npm run telemetry', [process.execPath, WRITE_TELEMETRY])
  const manifests = await run('kustomize telemetry', [tools.kustomize, 'build', TELEMETRY])
  expect(manifests).toContain('kind: PrometheusRule')
  expect(await CATCHERS.validator?.(manifests)).toMatch(/\d+ manifests are valid\n$/)
})

/** What speaks against the pods of `manifests` where Istio is installed by the file `install`. */
async function objections(install: string, manifests: string): Promise<string[]> {
  const pods = await injectSidecars(tools, { install, manifests })
  expect(pods.length).toBeGreaterThan(0)
  return [
    ...pods.flatMap(beyondBaseline),
    ...pods
      .filter((pod) => !hasOrderedSidecar(pod))
      .map(({ name }) => `${name}: its sidecar ends before its process`),
  ]
}

test.each(OVERLAYS)(
  'the pods of the overlay %s are let in by their namespaces with their sidecars, which outlive them',
  async (overlay) => {
    expect(await objections(INSTALL, await renderManifests(tools, overlay))).toEqual([])
  },
)

test('install-with-init-containers.yaml is caught by the namespaces’ rules', async () => {
  const install = fileURLToPath(new URL('broken/install-with-init-containers.yaml', import.meta.url))
  const found = await objections(install, await renderManifests(tools, 'production'))
  expect(found).toContain('edge/istio-init: adds NET_ADMIN')
})

test('Istio is installed as the file says', async () => {
  const manifests = await run('istioctl manifest generate', [
    tools.istioctl,
    'manifest',
    'generate',
    '-f',
    INSTALL,
  ])
  expect(manifests).toContain('REGISTRY_ONLY')
  expect(manifests).not.toMatch(/^! /m)
})

interface Broken {
  readonly name: string
  readonly text: string
  readonly catcher: string
  readonly says: string
}

function brokenManifests(): readonly Broken[] {
  const folder = new URL('broken/', import.meta.url)
  return readdirSync(folder)
    .map((name) => ({ name, text: readFileSync(new URL(name, folder), 'utf8') }))
    .map(({ name, text }) => ({
      name,
      text,
      catcher: /^# caught by: (.+)$/m.exec(text)?.[1] ?? '',
      says: /^# says: (.+)$/m.exec(text)?.[1] ?? '',
    }))
    .filter(({ catcher }) => Object.hasOwn(CATCHERS, catcher))
}

test.each(brokenManifests())('$name is caught by the $catcher', async ({ text, catcher, says }) => {
  const check = CATCHERS[catcher]
  if (check === undefined) throw new Error(`${catcher} catches nothing`)
  const manifests = `${await renderManifests(tools, 'production')}\n---\n${text}`
  const caught = await check(manifests).then(
    () => 'nothing',
    (error: unknown) => {
      if (error instanceof ToolProblem) return error.message
      throw error
    },
  )
  expect(caught).toContain(says)
})
