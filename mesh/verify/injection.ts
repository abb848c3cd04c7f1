/**
 * What becomes of our pods when Istio adds its sidecars to them: by Istio's own
 * injector, with the templates and settings of the installation.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@hushryd/local/ports.ts'
import { parseAllDocuments } from 'yaml'
import { startKubeApi } from './live/kube-api.ts'
import { type IstioTools, run } from './toolchain.ts'

interface Container {
  readonly name: string
  readonly securityContext?: {
    readonly privileged?: boolean
    readonly capabilities?: { readonly add?: readonly string[] }
  }
}

interface PodSpec {
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly initContainers?: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes?: readonly { readonly name: string; readonly hostPath?: object }[]
}

export interface InjectedPod {
  readonly name: string
  readonly spec: PodSpec
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: { readonly template?: { readonly spec: PodSpec } }
}

function readAll(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}

/** The settings of an installation, as it keeps them in its cluster. */
function settingsOf(installed: readonly Manifest[]): Readonly<Record<'mesh' | 'config' | 'values', string>> {
  const of = (name: string, key: string): string =>
    installed.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)?.data?.[key] ?? ''
  return {
    mesh: of('istio', 'mesh'),
    config: of('istio-sidecar-injector', 'config'),
    values: of('istio-sidecar-injector', 'values'),
  }
}

/** The pods of `manifests`, as they come up where Istio is installed by the file `install`. */
export async function injectSidecars(
  { istioctl }: IstioTools,
  { install, manifests }: { readonly install: string; readonly manifests: string },
): Promise<readonly InjectedPod[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-injection-'))
  const at = (name: string): string => join(folder, name)
  // The injector wants a cluster, in which it then needs nothing.
  await using cluster = await startKubeApi(await freePort())
  try {
    const installed = await run('istioctl manifest generate', [
      istioctl,
      'manifest',
      'generate',
      '-f',
      install,
    ])
    const files = { ...settingsOf(readAll(installed)), kubeconfig: cluster.kubeconfig, manifests }
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(at(name), text)))
    const injected = await run(
      'istioctl kube-inject',
      [
        istioctl,
        'kube-inject',
        ...['-f', at('manifests'), '--meshConfigFile', at('mesh')],
        ...['--injectConfigFile', at('config'), '--valuesFile', at('values')],
      ],
      { env: { KUBECONFIG: at('kubeconfig') } },
    )
    return readAll(injected).flatMap(({ metadata, spec }) =>
      spec?.template === undefined ? [] : [{ name: metadata.name, spec: spec.template.spec }],
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Of Kubernetes' Pod Security Standards, level baseline: the only ones that a container may add. */
const BASELINE_CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
])

/** What the namespaces' level would refuse a pod for. */
export function beyondBaseline({ name, spec }: InjectedPod): string[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  return [
    ...(spec.hostNetwork || spec.hostPID || spec.hostIPC ? [`${name}: shares a namespace of its node`] : []),
    ...(spec.volumes ?? [])
      .filter(({ hostPath }) => hostPath !== undefined)
      .map((volume) => `${name}: mounts ${volume.name} of its node`),
    ...containers.flatMap(({ name: container, securityContext = {} }) => [
      ...(securityContext.privileged ? [`${name}/${container}: is privileged`] : []),
      ...(securityContext.capabilities?.add ?? [])
        .filter((capability) => !BASELINE_CAPABILITIES.has(capability))
        .map((capability) => `${name}/${container}: adds ${capability}`),
    ]),
  ]
}

/** Whether the sidecar starts before the process and ends after it; a gateway is nothing but its proxy. */
export function hasOrderedSidecar({ spec }: InjectedPod): boolean {
  const isProxy = ({ name }: Container): boolean => name === 'istio-proxy'
  const alone = spec.containers.length === 1 && spec.containers.every(isProxy)
  return alone || (spec.initContainers ?? []).some(isProxy)
}
