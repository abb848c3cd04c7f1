/** Who is on a socket. */
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'

/** A signed-in person. */
export interface SessionIdentity {
  readonly caller: Caller & { readonly kind: 'user' }
  /** Base64url of the token's SHA-256: the session's name in the store. */
  readonly sessionHash: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

/** Someone who only looks: a share link's holder, or the public map. */
export interface ViewerIdentity {
  readonly caller: Caller & { readonly kind: 'viewer' }
  /** Shown as the user id; tells links apart and gives nothing away. */
  readonly name: string
  /** The trip that a share link opens; empty for the public map. */
  readonly tripId: string
  readonly expiresAtMs: number
}

export type Identity = SessionIdentity | ViewerIdentity

export function isSession(identity: Identity): identity is SessionIdentity {
  return identity.caller.kind === 'user'
}

export function userIdOf(identity: Identity): string {
  return isSession(identity) ? identity.caller.userId : identity.name
}

export function roleOf(identity: Identity): 'passenger' | 'driver' | 'admin' | 'viewer' {
  return isSession(identity) ? identity.caller.role : 'viewer'
}
