/** What the Kubernetes manifests tell each process, read by the process's own configuration. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Environment } from '@hushryd/kernel/config.ts'
import { afterAll, expect, test } from 'vitest'
import { baseManifests, type Deployment, readManifests } from '../mesh/kubernetes/base-manifests.ts'
import { ROOT, readText } from './sources.ts'

interface ConfigMap {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data: Readonly<Record<string, string>>
}

const OVERLAYS = ['development', 'production'] as const
/** Settings that only some are given, beside those that all are. */
const OWN_MAPS: Readonly<Record<string, string>> = {
  notify: 'notify-providers',
  maskcall: 'maskcall-providers',
  docs: 'docs-storage',
}
const SECRETS_FOLDER = /^\/run\/secrets\/(?:hushryd|providers)\//

const folder = mkdtempSync(join(tmpdir(), 'hushryd-settings-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})

/** What the secret store might hold under a name. */
function secretFor(name: string): string {
  if (name.endsWith('-keys')) return `k1:${randomBytes(32).toString('base64')}\n`
  if (name === 'maskcall-numbers') {
    return JSON.stringify([{ number: '+918047112233', provider: 'exotel', country: 'IN', circle: 'KA' }])
  }
  if (name === 'fcm-service-account') {
    const account = {
      private_key_id: 'k1',
      client_email: 'push@hushryd.example',
      private_key: privateKey,
      project_id: 'hushryd',
    }
    return JSON.stringify({
      type: 'service_account',
      token_uri: 'https://oauth2.googleapis.com/token',
      ...account,
    })
  }
  if (name === 'cdn-private-key') return privateKey
  return randomBytes(32).toString('base64url')
}

/** Files of secrets lie elsewhere here. */
function withFiles(settings: Readonly<Record<string, string>>): Environment {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      if (!SECRETS_FOLDER.test(value)) return [name, value]
      const path = join(folder, basename(value))
      writeFileSync(path, secretFor(basename(value)))
      return [name, path]
    }),
  )
}

function mapsOf(overlay: string): ReadonlyMap<string, ConfigMap['data']> {
  const maps = readManifests(`../overlays/${overlay}/providers.yaml`) as unknown as ConfigMap[]
  return new Map(maps.map(({ metadata, data }) => [metadata.name, data]))
}

function environmentOf({ metadata, spec }: Deployment, overlay: string): Environment {
  const [shared] = baseManifests<ConfigMap>('ConfigMap')
  const own = mapsOf(overlay).get(OWN_MAPS[metadata.name] ?? '') ?? {}
  const named = (spec.template.spec.containers[0].env ?? []).map(({ name, value, valueFrom }) => [
    name,
    // From a secret only MongoDB's address comes, from the pod only its name.
    value ?? (valueFrom?.secretKeyRef === undefined ? 'pod-1' : 'mongodb://u:p@mongodb:27017/?w=majority'),
  ])
  return withFiles({ ...shared?.data, ...own, ...Object.fromEntries(named) })
}

/** The function by which the script reads its configuration. */
async function readerOf(script: string): Promise<(env: Environment) => unknown> {
  const [, name = '', from = ''] =
    /import \{[^}]*\b(read\w*Config)\b[^}]*\} from '\.\/([^']*config\.ts)'/.exec(readText(script)) ?? []
  const url = new URL(from, pathToFileURL(join(ROOT, script)))
  const module = (await import(url.href)) as Record<string, (env: Environment) => unknown>
  const read = module[name]
  if (read === undefined) throw new Error(`${script} reads no configuration`)
  return read
}

const CASES = OVERLAYS.flatMap((overlay) =>
  baseManifests<Deployment>('Deployment').map((deployment) => ({
    overlay,
    name: deployment.metadata.name,
    deployment,
  })),
)

test.each(CASES)('$name starts with what the overlay $overlay gives it', async ({ overlay, deployment }) => {
  const read = await readerOf(deployment.spec.template.spec.containers[0].args[0])
  expect(() => read(environmentOf(deployment, overlay))).not.toThrow()
})
