/**
 * Pods without Kubernetes: a process on loopback, a sidecar in front of it, and
 * addresses of the two. Every address of 127.0.0.0/8 is this machine's, so that
 * each pod has one of its own, with the ports that it has in a cluster.
 */
import { freePorts, HOST } from '@hushryd/local/ports.ts'
import { GATEWAY, MEMBERS, NAMESPACE } from '../../members.ts'

export interface Pod {
  /** `location-2` */
  readonly name: string
  readonly member: string
  readonly namespace: string
  /** Where its sidecar takes calls, on the service's ports. */
  readonly address: string
  /** Where its process finds all others: its sidecar listens there on their services' ports. */
  readonly outbound: string
  /** Where its process listens, by the name of the service's port. */
  readonly processPorts: Readonly<Record<string, number>>
  /** Of Envoy's administration, its health, its metrics, and the agent's. */
  readonly proxyPorts: readonly [admin: number, status: number, metrics: number, agent: number]
}

/** As the service has them. */
export function servicePorts(member: string): Readonly<Record<string, number>> {
  if (member === GATEWAY.account) return {}
  const { grpcPort } = MEMBERS.find(({ name }) => name === member) ?? {}
  return {
    ...(grpcPort === undefined ? {} : { grpc: grpcPort }),
    ...(member === 'edge' ? { http: 8080 } : {}),
  }
}

/** So many of each member, as `{ location: 2 }`. */
export async function planPods(counts: Readonly<Record<string, number>>): Promise<readonly Pod[]> {
  const names = Object.entries(counts).flatMap(([member, count]) =>
    Array.from({ length: count }, (_, index) => ({ member, name: `${member}-${index + 1}` })),
  )
  const free = await freePorts(names.length * 6)
  const take = (): number => {
    const port = free.pop()
    if (port === undefined) throw new Error('more ports taken than asked for')
    return port
  }
  return names.map(({ member, name }, index) => ({
    name,
    member,
    namespace: member === GATEWAY.account ? GATEWAY.namespace : NAMESPACE,
    address: `127.77.0.${index + 1}`,
    outbound: `127.78.0.${index + 1}`,
    processPorts: Object.fromEntries(Object.keys(servicePorts(member)).map((port) => [port, take()])),
    proxyPorts: [take(), take(), take(), take()],
  }))
}

export function podOf(pods: readonly Pod[], name: string): Pod {
  const pod = pods.find((candidate) => candidate.name === name)
  if (pod === undefined) throw new Error(`no pod ${name}`)
  return pod
}

export function processAddress({ processPorts }: Pod, port = 'grpc'): string {
  return `${HOST}:${processPorts[port]}`
}
