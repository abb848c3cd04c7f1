/**
 * One VirtualService a service, whose routes follow each method's class.
 *
 * Istio tries every call up to three times unless it is told otherwise, which
 * for a command is one too many: so every route says how often.
 */
import { hostOf, type Member, NAMESPACE } from '../members.ts'
import type { MeshMethod, MethodClass } from '../rights.ts'
import type { Manifest } from './manifest.ts'

interface Retries {
  readonly attempts: number
  readonly retryOn?: string
}

/**
 * Callers have deadlines of their own, at most a minute; these bounds only end
 * what everyone else has forgotten. A route without a timeout has none.
 */
const TIMEOUTS: Readonly<Record<MethodClass, { readonly timeout?: string }>> = {
  read: { timeout: '65s' },
  command: { timeout: '65s' },
  stream: {},
}

/** One more try, and only where the answer says that the call had no effect or, being a read, could have none. */
const RETRIES: Readonly<Record<MethodClass, Retries>> = {
  read: { attempts: 1, retryOn: 'connect-failure,refused-stream,unavailable' },
  command: { attempts: 0 },
  stream: { attempts: 0 },
}

/** Partitions of the location lane stick to a pod: its own subset, which hashes by header. */
const LANE = '/hushryd.location.v1.LocationService/Connect'
export const LANE_SUBSET = 'lane'

function exactly(methods: readonly MeshMethod[]): { uri: { exact: string } }[] {
  return methods.map(({ path }) => ({ uri: { exact: path } }))
}

function route(member: Member, subset?: string): object[] {
  const destination = { host: hostOf(member.name), port: { number: member.grpcPort } }
  return [{ destination: subset === undefined ? destination : { ...destination, subset } }]
}

function classRoutes(member: Member, methods: readonly MeshMethod[]): object[] {
  const lane = methods.filter(({ path }) => path === LANE)
  const classes = (['read', 'command', 'stream'] as const).flatMap((kind) => {
    const ofClass = methods.filter((method) => method.class === kind && method.path !== LANE)
    return ofClass.length === 0 ? [] : [{ name: kind, methods: ofClass, kind, subset: undefined }]
  })
  const lanes =
    lane.length === 0 ? [] : [{ name: 'lane', methods: lane, kind: 'stream' as const, subset: LANE_SUBSET }]
  return [...lanes, ...classes].map(({ name, methods: matched, kind, subset }) => ({
    name,
    match: exactly(matched),
    route: route(member, subset),
    ...TIMEOUTS[kind],
    retries: RETRIES[kind],
  }))
}

export function virtualService(member: Member, methods: readonly MeshMethod[]): Manifest {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: member.name, namespace: NAMESPACE },
    spec: {
      hosts: [hostOf(member.name)],
      exportTo: ['.', 'hushryd-backend'],
      http: [
        ...classRoutes(member, methods),
        // Health, reflection, and methods of a contract newer than these rules.
        { name: 'other', route: route(member), retries: RETRIES.command },
      ],
    },
  }
}
