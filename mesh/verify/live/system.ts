/** The real processes behind the pods, on stores of their own: as the local stack starts them, but trusting the mesh. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProcessSpec } from '@hushryd/local/child.ts'
import { readKeys } from '@hushryd/local/keys.ts'
import { freePorts } from '@hushryd/local/ports.ts'
import { describeProcesses, planProcesses, type SystemPlan, settingPrefix } from '@hushryd/local/processes.ts'
import { DEMO, type Ports, PROGRAMS, type Program } from '@hushryd/local/programs.ts'
import { describeStores, STORE_PORTS } from '@hushryd/local/stores.ts'
import { hostOf, MEMBERS } from '../../members.ts'
import { type Pod, podOf } from './pods.ts'
import { PUBLIC_HOST, PUBLIC_PORT } from './stand-ins.ts'

export const PUBLIC_URL = `https://${PUBLIC_HOST}:${PUBLIC_PORT}`

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const CLUSTER_DNS = new URL('cluster-dns.ts', import.meta.url).href

export interface LiveSystem {
  readonly specs: readonly ProcessSpec[]
  readonly serviceKey: string
  /** Of each process that has one, by its name. */
  readonly opsPorts: ReadonlyMap<string, number>
}

/** In the cluster, where each sidecar is the only way to the others. */
function addresses(): NodeJS.ProcessEnv {
  const served = MEMBERS.filter(({ grpcPort }) => grpcPort !== undefined)
  return Object.fromEntries(
    served.map(({ name, grpcPort }) => [`${settingPrefix(name)}_ADDR`, `${hostOf(name)}:${grpcPort}`]),
  )
}

export async function describeSystem(
  pods: readonly Pod[],
  { folder, env = {} }: { readonly folder: string; readonly env?: Readonly<Record<string, string>> },
): Promise<LiveSystem> {
  const behind = (program: string): readonly Pod[] => pods.filter(({ member }) => member === program)
  const programs = PROGRAMS.filter(
    ({ name }) => name !== DEMO && (behind(name).length > 0 || name === 'sandbox'),
  )
  const free = await freePorts(STORE_PORTS + 2 * (pods.length + 1))
  const { specs, stores } = await describeStores({ folder, programs, ports: free.splice(0, STORE_PORTS) })
  const portsOf = (_name: string, program: Program, index: number): Ports => {
    const { grpc, http } = behind(program.name)[index]?.processPorts ?? {}
    const ops = free.pop() ?? 0
    if (program.name === 'sandbox') return { http: ops }
    return { ops, ...(grpc === undefined ? {} : { grpc }), ...(http === undefined ? {} : { http }) }
  }
  const given = { ...process.env, PUBLIC_URL, ...env }
  const plan: SystemPlan = {
    root: ROOT,
    stores,
    keys: await readKeys(join(folder, 'keys'), programs, given),
    processes: planProcesses(programs, { copiesOf: ({ name }) => Math.max(1, behind(name).length), portsOf }),
    localStores: specs.map(({ name }) => name),
    env: given,
  }
  const described = describeProcesses(plan)
  return {
    serviceKey: plan.keys.serviceKey,
    opsPorts: new Map(plan.processes.map(({ name, ports }) => [name, ports.ops ?? 0])),
    specs: [
      ...specs,
      ...described.map((spec) => {
        const name = /-\d+$/.test(spec.name) ? spec.name : `${spec.name}-1`
        return pods.some((pod) => pod.name === name) ? inMesh(spec, podOf(pods, name)) : spec
      }),
    ],
  }
}

function inMesh(spec: ProcessSpec, pod: Pod): ProcessSpec {
  const [node, ...script] = spec.command
  return {
    ...spec,
    command: [node, `--import=${CLUSTER_DNS}`, ...script],
    env: {
      ...spec.env,
      ...addresses(),
      PEER_TRUST: 'mesh',
      HUSHRYD_PEER_KEY: undefined,
      HUSHRYD_VERIFY_OUTBOUND: pod.outbound,
      // The gateway.
      TRUSTED_PROXIES: '1',
    },
    dependsOn: [...(spec.dependsOn ?? []), `proxy of ${pod.name}`],
  }
}
