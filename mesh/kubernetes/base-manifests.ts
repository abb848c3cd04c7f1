/** The Kubernetes base as files, for tests: kustomize itself needs more than `npm test` has. */
import { readdirSync, readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'

const FOLDER = new URL('base/', import.meta.url)

interface EnvVar {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string }; readonly fieldRef?: object }
}

export interface Deployment {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> }
      readonly spec: {
        readonly serviceAccountName: string
        readonly terminationGracePeriodSeconds: number
        readonly volumes?: readonly { readonly secret: { readonly secretName: string } }[]
        readonly containers: readonly [
          {
            readonly args: readonly [string]
            readonly env?: readonly EnvVar[]
            readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
            readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
          },
        ]
      }
    }
  }
}

interface Named {
  readonly kind: string
  readonly metadata: { readonly name: string }
}

export function readManifests(path: string): Named[] {
  return parseAllDocuments(readFileSync(new URL(path, FOLDER), 'utf8')).map(
    (document) => document.toJS() as Named,
  )
}

/** Patches and kustomize's own file are no manifests. */
const NO_MANIFESTS: ReadonlySet<string> = new Set(['kustomization.yaml', 'pods.yaml'])

export function baseManifests<M>(kind: string): readonly (M & Named)[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml') && !NO_MANIFESTS.has(name))
    .flatMap(readManifests)
    .filter((manifest): manifest is M & Named => manifest?.kind === kind)
}

/** What is merged into every Deployment. */
export function podsPatch(): Deployment {
  return readManifests('pods.yaml')[0] as unknown as Deployment
}
