/** One Sidecar a member: it sees, and may reach, what it calls and nothing else. */
import { BRIDGE, hostOf, MEMBERS, type Member, NAMESPACE, STORES_NAMESPACE, servedBy } from '../members.ts'
import type { MeshMethod } from '../rights.ts'
import { labelsOf, type Manifest } from './manifest.ts'
import { STORES } from './stores.ts'

/** Takes traces, from processes and proxies. */
const COLLECTOR = 'hushryd-telemetry/otel-collector.hushryd-telemetry.svc.cluster.local'

/** Everyone whose methods it calls: on its own behalf, or for others. */
function calleesOf(member: Member, methods: readonly MeshMethod[]): string[] {
  const own = Object.keys(member.calls ?? {}).map((service) => servedBy(service).name)
  const bridged = member.name === BRIDGE ? methods.map((method) => method.member.name) : []
  return [...new Set([...own, ...bridged])].sort()
}

export function sidecar(member: Member, methods: readonly MeshMethod[]): Manifest {
  const callees = calleesOf(member, methods).map((name) => `./${hostOf(name)}`)
  const stores = member.stores.map(
    (store) => `${STORES_NAMESPACE}/${hostOf(STORES[store].host, STORES_NAMESPACE)}`,
  )
  const providers = (member.providers ?? []).map((host) => `./${host}`)
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: member.name, namespace: NAMESPACE },
    spec: {
      workloadSelector: { labels: labelsOf(member.name) },
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      egress: [{ hosts: [...callees, ...stores, ...providers, COLLECTOR] }],
    },
  }
}

export function sidecars(methods: readonly MeshMethod[]): Manifest[] {
  return MEMBERS.map((member) => sidecar(member, methods))
}
