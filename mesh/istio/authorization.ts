/** One AuthorizationPolicy a service: identities and the gRPC methods that each may call. */
import { BRIDGE, EDGE_HTTP_PORT, GATEWAY, type Member, NAMESPACE, principalOf } from '../members.ts'
import type { MeshMethod } from '../rights.ts'
import { labelsOf, type Manifest } from './manifest.ts'

interface Rule {
  readonly from: readonly [{ source: { principals: readonly string[] } }]
  readonly to: readonly [{ operation: Record<string, readonly string[]> }]
}

function rule(principals: readonly string[], operation: Record<string, readonly string[]>): Rule {
  return { from: [{ source: { principals } }], to: [{ operation }] }
}

/** Methods with the same callers share a rule. */
function methodRules(member: Member, methods: readonly MeshMethod[]): Rule[] {
  const byCallers = new Map<string, MeshMethod[]>()
  for (const method of methods) {
    if (method.principals.length === 0) continue
    const key = method.principals.join(' ')
    byCallers.set(key, [...(byCallers.get(key) ?? []), method])
  }
  return [...byCallers.values()].map((group) =>
    rule(group[0]?.principals ?? [], {
      ports: [String(member.grpcPort)],
      methods: ['POST'],
      paths: group.map(({ path }) => path),
    }),
  )
}

const fromOutside = rule([principalOf(GATEWAY.account, GATEWAY.namespace)], {
  ports: [String(EDGE_HTTP_PORT)],
})

export function authorizationPolicy(member: Member, methods: readonly MeshMethod[]): Manifest {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: member.name, namespace: NAMESPACE },
    spec: {
      selector: { matchLabels: labelsOf(member.name) },
      action: 'ALLOW',
      rules: [...(member.name === BRIDGE ? [fromOutside] : []), ...methodRules(member, methods)],
    },
  }
}
