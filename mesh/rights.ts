/** Which identity may call which method of the contract, and how the mesh treats the method. */
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import { Audience } from '@hushryd/gen/hushryd/options/v1/options.ts'
import { audiencesOf } from '@hushryd/kernel/rpc/audience.ts'
import { descriptors } from '@hushryd/kernel/rpc/descriptors.ts'
import { BACKEND, BRIDGE, MEMBERS, type Member, principalOf, servedBy } from './members.ts'

/**
 * `read`: the mesh tries it a second time. `command`: sent once; the app that
 * sends it tries again, with its id. `stream`: as long as it wants; its client
 * opens it again.
 */
export type MethodClass = 'read' | 'command' | 'stream'

export interface MeshMethod {
  /** `/hushryd.location.v1.LocationService/FindNearby` */
  readonly path: string
  readonly service: string
  readonly member: Member
  readonly class: MethodClass
  /** Who may call it, sorted; empty for a method that nobody calls yet. */
  readonly principals: readonly string[]
}

function callersOf(service: string, name: string, path: string): string[] {
  const audiences = audiencesOf(path)
  const own = MEMBERS.filter(({ calls }) => calls?.[service]?.includes(name))
  return [
    ...new Set([
      ...own.map((member) => principalOf(member.name)),
      ...(audiences.size > 0 ? [principalOf(BRIDGE)] : []),
      ...(audiences.has(Audience.AUDIENCE_BACKEND) ? [principalOf(BACKEND.account, BACKEND.namespace)] : []),
    ]),
  ].sort()
}

/** Of HushRyd's own services, by path. */
export function meshMethods(): readonly MeshMethod[] {
  const found: MeshMethod[] = []
  for (const [path, { methodKind, idempotency, parent, name }] of descriptors().methods) {
    const service = parent.typeName
    if (!service.startsWith('hushryd.')) continue
    const isRead = idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
    found.push({
      path,
      service,
      member: servedBy(service),
      class: methodKind !== 'unary' ? 'stream' : isRead ? 'read' : 'command',
      principals: callersOf(service, name, path),
    })
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Of each member that serves something. */
export function methodsByMember(): ReadonlyMap<Member, readonly MeshMethod[]> {
  const byMember = new Map<Member, MeshMethod[]>()
  for (const method of meshMethods()) {
    byMember.set(method.member, [...(byMember.get(method.member) ?? []), method])
  }
  return byMember
}
