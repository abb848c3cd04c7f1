/** A mesh on loopback: istiod, and a pod's sidecar for each that was planned. Processes behind them are the caller's. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProcessSpec } from '@hushryd/local/child.ts'
import { freePorts } from '@hushryd/local/ports.ts'
import { type SupervisedProcess, Supervisor } from '@hushryd/local/supervisor.ts'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { envoyBinary, type IstioTools, istioTools, run } from '../toolchain.ts'
import { type Authority, createAuthority } from './certificates.ts'
import { startKubeApi } from './kube-api.ts'
import type { Pod } from './pods.ts'
import { describeControlPlane, describeProxy, prepareProxy, writeResources } from './proxies.ts'
import { PUBLIC_HOST, type Resource, standIns } from './stand-ins.ts'

const MESH_FOLDER = fileURLToPath(new URL('../../', import.meta.url))

export interface LiveMesh extends AsyncDisposable {
  readonly authority: Authority
  readonly pods: readonly Pod[]
  process(name: string): SupervisedProcess
}

export interface MeshOptions {
  readonly pods: readonly Pod[]
  /** What runs beside the proxies; those behind one depend on `proxy of POD`. */
  readonly processes?: readonly ProcessSpec[]
  /** Changes of what is applied: for a check that shows that it would see a mistake. */
  readonly amend?: (applied: readonly Resource[]) => readonly Resource[]
}

export async function renderManifests(tools: IstioTools, overlay: string): Promise<string> {
  return await run(`kustomize ${overlay}`, [
    tools.kustomize,
    'build',
    join(MESH_FOLDER, 'kubernetes/overlays', overlay),
  ])
}

/** Istio's own settings as they are installed, but for what leads out of this machine. */
async function meshConfig(): Promise<string> {
  const text = await readFile(join(MESH_FOLDER, 'istio/install.yaml'), 'utf8')
  const { spec } = parse(text) as { spec: { meshConfig: Record<string, unknown> } }
  const { extensionProviders: _, ...kept } = spec.meshConfig
  return stringify(kept)
}

export async function startMesh({
  pods,
  processes = [],
  amend = (all) => all,
}: MeshOptions): Promise<LiveMesh> {
  const tools = await istioTools()
  const envoy = await envoyBinary()
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-mesh-'))
  const authority = await createAuthority(tools.certificates, join(folder, 'certificates'))
  const publicCertificate = await authority.issuePublic(PUBLIC_HOST)
  const applied = parseAllDocuments(await renderManifests(tools, 'production')).map(
    (document) => document.toJS() as Resource,
  )
  const configFolder = join(folder, 'config')
  await writeResources(configFolder, standIns(amend(applied), pods, publicCertificate))
  const files = {
    configFolder,
    meshConfig: join(folder, 'mesh-config.yaml'),
    kubeconfig: join(folder, 'kubeconfig.yaml'),
  }

  const [port = 0, httpPort = 0, monitoringPort = 0, kubePort = 0] = await freePorts(4)
  const kube = await startKubeApi(kubePort)
  await Promise.all([
    writeFile(files.meshConfig, await meshConfig()),
    writeFile(files.kubeconfig, kube.kubeconfig),
  ])
  const controlPlane = { port, httpPort, monitoringPort }
  const proxies: ProcessSpec[] = []
  for (const pod of pods) {
    const home = join(folder, 'pods', pod.name)
    await prepareProxy(home, await authority.issue(pod.member, pod.namespace))
    proxies.push(describeProxy(pod, { folder: home, agent: tools.agent, envoy, controlPlane }))
  }
  const supervisor = new Supervisor(
    [describeControlPlane(tools, controlPlane, files), ...proxies, ...processes],
    { restart: false, onEvent: () => undefined, onLine: () => undefined },
  )
  const dispose = async (): Promise<void> => {
    await supervisor.stop()
    await kube[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await supervisor.start()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    authority,
    pods,
    process: (name) => supervisor.process(name),
    [Symbol.asyncDispose]: dispose,
  }
}
