/** The methods that can be called from outside: those with an audience, but for client streams. */
import type { DescMethod } from '@bufbuild/protobuf'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type Audiences, audiencesOf, checkAudience, mayCall } from '@hushryd/kernel/rpc/audience.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import { descriptors } from '@hushryd/kernel/rpc/descriptors.ts'

export interface BridgeMethod {
  /** Such as `hushryd.location.v1.LocationService/GetTrail`. */
  readonly name: string
  readonly serviceName: string
  readonly isStream: boolean
  readonly audiences: Audiences
  readonly descriptor: DescMethod
}

export function exposedMethods(): BridgeMethod[] {
  const exposed: BridgeMethod[] = []
  for (const [path, descriptor] of descriptors().methods) {
    const { methodKind, parent } = descriptor
    const audiences = audiencesOf(path)
    // A frame or an HTTP request carries one message, so a client stream has no form outside of gRPC.
    if (audiences.size === 0 || (methodKind !== 'unary' && methodKind !== 'server_streaming')) continue
    exposed.push({
      name: path.slice(1),
      serviceName: parent.typeName,
      isStream: methodKind === 'server_streaming',
      audiences,
      descriptor,
    })
  }
  return exposed
}

/** Throws UNAUTHENTICATED for someone whom a login could help, FORBIDDEN for everyone else. */
export function checkCaller({ audiences }: BridgeMethod, caller: Caller): void {
  if (caller.kind === 'anonymous' && !mayCall(caller, audiences)) {
    throw new DomainError(ErrorReason.ERROR_REASON_UNAUTHENTICATED, 'This method needs credentials.')
  }
  checkAudience(caller, audiences)
}
