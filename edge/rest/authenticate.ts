/** Who sends a REST request. */
import type { IncomingHttpHeaders } from 'node:http'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type Caller, isSameKey } from '@hushryd/kernel/rpc/caller.ts'
import type { Identity, Sessions } from '../sessions.ts'

export type Credential =
  | { readonly kind: 'none' }
  /** Its key has been compared: HushRyd's own backend. */
  | { readonly kind: 'service' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'share'; readonly token: string }
  /** An Authorization header of another kind. */
  | { readonly kind: 'foreign' }

export type RestIdentity = Identity | { readonly caller: Caller & { readonly kind: 'backend' | 'anonymous' } }

export interface Authenticator {
  /** Without any store, so that a limit can stand between this and the next step. */
  read(headers: IncomingHttpHeaders, query: URLSearchParams): Credential
  /** Throws UNAUTHENTICATED, SESSION_ENDED, TRIP_ENDED or UNAVAILABLE. */
  identify(credential: Credential): Promise<RestIdentity>
}

export interface AuthenticatorOptions {
  readonly sessions: Pick<Sessions, 'authenticate' | 'openShare'>
  /** Of HushRyd's backend; undefined: it has no access by key. */
  readonly serviceKey: string | undefined
}

export function createAuthenticator({ sessions, serviceKey }: AuthenticatorOptions): Authenticator {
  return {
    read({ authorization }, query) {
      if (authorization === undefined) {
        const share = query.get('share')
        return share === null ? { kind: 'none' } : { kind: 'share', token: share }
      }
      const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
      if (token === undefined) return { kind: 'foreign' }
      const isService = serviceKey !== undefined && isSameKey(token, serviceKey)
      return isService ? { kind: 'service' } : { kind: 'token', token }
    },

    async identify(credential) {
      switch (credential.kind) {
        case 'none':
          return { caller: { kind: 'anonymous' } }
        case 'service':
          return { caller: { kind: 'backend' } }
        case 'token':
          return await sessions.authenticate(credential.token)
        case 'share':
          return await sessions.openShare(credential.token)
        case 'foreign':
          throw new DomainError(
            ErrorReason.ERROR_REASON_UNAUTHENTICATED,
            'Credentials come as `Authorization: Bearer TOKEN`.',
          )
      }
    },
  }
}
