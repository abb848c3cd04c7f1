/**
 * Writes the manifests that follow from the contract and members.ts:
 * `npm run mesh:generate`. A test holds that they are up to date.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { authorizationPolicy } from './istio/authorization.ts'
import { destinationRule } from './istio/destinations.ts'
import { toYaml } from './istio/manifest.ts'
import { serviceEntries } from './istio/providers.ts'
import { virtualService } from './istio/routes.ts'
import { sidecars } from './istio/scopes.ts'
import { storePolicies } from './istio/stores.ts'
import { meshMethods, methodsByMember } from './rights.ts'

/** Each file's text, by its path from this folder. */
export function generateManifests(): ReadonlyMap<string, string> {
  const methods = meshMethods()
  const served = [...methodsByMember()]
  return new Map([
    [
      'istio/generated/authorization.yaml',
      toYaml(served.map(([member, own]) => authorizationPolicy(member, own))),
    ],
    ['istio/generated/routes.yaml', toYaml(served.map(([member, own]) => virtualService(member, own)))],
    ['istio/generated/destinations.yaml', toYaml(served.map(([member]) => destinationRule(member)))],
    ['istio/generated/sidecars.yaml', toYaml(sidecars(methods))],
    ['istio/generated/stores.yaml', toYaml(storePolicies())],
    ['istio/generated/providers.yaml', toYaml(serviceEntries())],
  ])
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [path, text] of generateManifests()) {
    writeFileSync(fileURLToPath(new URL(path, import.meta.url)), text)
  }
}
