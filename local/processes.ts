/**
 * From programs to processes: names, ports, settings, order.
 *
 * Used by `npm start` with its fixed ports, and by journeys and fault tests
 * with free ones.
 */
import { join } from 'node:path'
import type { ProcessSpec } from './child.ts'
import type { SystemKeys } from './keys.ts'
import { HOST } from './ports.ts'
import type { Ports, Program, SpecialStore } from './programs.ts'
import type { Stores } from './stores.ts'

/** Operations ports are the gRPC port plus this. */
export const OPS_OFFSET = 2000

/** One copy of a program. */
export interface PlannedProcess {
  readonly name: string
  readonly program: Program
  readonly ports: Ports
}

export interface SystemPlan {
  /** The folder of the repository. */
  readonly root: string
  readonly stores: Stores
  readonly keys: SystemKeys
  readonly processes: readonly PlannedProcess[]
  /** Names of the stores that are started with the rest. Everything waits for them, but for special ones only who has them. */
  readonly localStores: readonly string[]
  /** Settings for every process. */
  readonly env: NodeJS.ProcessEnv
}

export function planProcesses(
  programs: readonly Program[],
  {
    copiesOf = (program) => program.copies ?? 1,
    portsOf,
  }: {
    readonly copiesOf?: (program: Program) => number
    /** `index` counts a program's copies from 0. */
    readonly portsOf: (name: string, program: Program, index: number) => Ports
  },
): PlannedProcess[] {
  return programs.flatMap((program) => {
    const count = copiesOf(program)
    const isNumbered = program.copies !== undefined || count > 1
    return Array.from({ length: count }, (_, index) => {
      const name = isNumbered ? `${program.name}-${index + 1}` : program.name
      return { name, program, ports: portsOf(name, program, index) }
    })
  })
}

function readinessOf({ ports, program }: PlannedProcess): ProcessSpec['ready'] {
  const { readyLine } = program
  if (readyLine !== undefined) return { line: readyLine }
  const url =
    ports.ops === undefined ? `http://${HOST}:${ports.http}/healthz` : `http://${HOST}:${ports.ops}/readyz`
  return { answers: async (_pid, signal) => (await fetch(url, { signal })).ok }
}

function portSettings({ http, grpc, ops }: Ports): NodeJS.ProcessEnv {
  return {
    ...(http === undefined ? {} : { HTTP_PORT: String(http) }),
    ...(grpc === undefined ? {} : { PORT: String(grpc) }),
    ...(ops === undefined ? {} : { OPS_PORT: String(ops) }),
  }
}

function addressOf({ ports: { http, grpc, ops }, program }: PlannedProcess): string {
  if (program.about !== undefined) return program.about
  const shown = [
    ...(http === undefined ? [] : [`http://localhost:${http}`]),
    ...(grpc === undefined ? [] : [`grpc ${HOST}:${grpc}`]),
  ]
  return shown.length > 0 ? shown.join(', ') : `operations ${HOST}:${ops}`
}

/** `location-history` to `LOCATION_HISTORY`. */
export function settingPrefix(name: string): string {
  return name.toUpperCase().replaceAll('-', '_')
}

/** All of a program's copies, of which some must be there. */
function copiesOf(plan: SystemPlan, program: string): readonly PlannedProcess[] {
  const copies = plan.processes.filter((planned) => planned.program.name === program)
  if (copies.length === 0) throw new Error(`the system has no ${program}`)
  return copies
}

export function grpcOf(plan: SystemPlan, program: string): string[] {
  return copiesOf(plan, program).map(({ ports }) => `${HOST}:${ports.grpc}`)
}

export function httpOf(plan: SystemPlan, program: string): string[] {
  return copiesOf(plan, program).map(({ ports }) => `http://${HOST}:${ports.http}`)
}

/** Where everyone finds the others; of several copies the first. */
function addresses(plan: SystemPlan): NodeJS.ProcessEnv {
  const found: NodeJS.ProcessEnv = {}
  for (const { program, ports } of plan.processes) {
    if (ports.grpc !== undefined) found[`${settingPrefix(program.name)}_ADDR`] ??= `${HOST}:${ports.grpc}`
  }
  return found
}

function localStoresOf({ stores, localStores }: SystemPlan, program: Program): string[] {
  return localStores.filter(
    (name) => !Object.hasOwn(stores.special, name) || program.stores?.some((store) => store === name),
  )
}

function specialSettings({ stores }: SystemPlan, program: Program): NodeJS.ProcessEnv {
  return Object.assign({}, ...(program.stores ?? []).map((store) => stores.special[store]))
}

export function describeProcesses(plan: SystemPlan): ProcessSpec[] {
  const common: NodeJS.ProcessEnv = {
    ...plan.env,
    ...addresses(plan),
    HOST,
    NATS_URL: plan.stores.natsUrl,
    REDIS_URL: plan.stores.redisUrl,
    MONGO_URL: plan.stores.mongoUrl,
    MONGO_DB: plan.stores.mongoDb,
    PEER_TRUST: 'key',
    HUSHRYD_SERVICE_KEY: plan.keys.serviceKey,
    HUSHRYD_PEER_KEY: plan.keys.peerKey,
    // Standard input ends with the supervisor, and the process with it.
    HUSHRYD_PARENT_PIPE: 'on',
  }
  return plan.processes.map((planned): ProcessSpec => {
    const { name, program, ports } = planned
    const context = {
      name,
      ports,
      given: plan.env,
      has: (other: string) => plan.processes.some((process) => process.program.name === other),
      grpcOf: (other: string) => grpcOf(plan, other),
      httpOf: (other: string) => httpOf(plan, other),
      secretOf: (setting: string) => plan.keys.valueOf(setting),
      storeOf: (store: SpecialStore) => plan.stores.special[store],
    }
    return {
      name,
      command: [process.execPath, join(plan.root, program.script)],
      env: {
        ...common,
        ...specialSettings(plan, program),
        ...plan.keys.filesOf(program),
        ...portSettings(ports),
        ...program.env?.(context),
      },
      dependsOn: [
        ...localStoresOf(plan, program),
        ...(program.dependsOn ?? []).flatMap((other) => copiesOf(plan, other).map((copy) => copy.name)),
      ],
      ready: readinessOf(planned),
      address: addressOf(planned),
      ...(program.nice === undefined ? {} : { nice: program.nice }),
    }
  })
}
