/**
 * Whether what the room shows is live, in the one word that people look for.
 * A connection that is open and silent is the dangerous one: everything looks
 * right and nothing moves. Pure.
 */
import type { ConnectionState } from '../../sdk/connection.ts'

/** The overview is asked for every five seconds and the log speaks as often: a longer silence is no calm night. */
export const SILENCE_MAX_MS = 9_000

export interface Link {
  readonly state: ConnectionState
  /** While waiting: when the next try is due. */
  readonly retryAtMs: number | undefined
  /** When anything last came. */
  readonly heardAtMs: number
  /** Which edge answers; empty without a connection. */
  readonly edgeId: string
}

export type Liveness =
  | { readonly kind: 'live' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'behind'; readonly seconds: number }
  | { readonly kind: 'waiting'; readonly seconds: number }
  | { readonly kind: 'stopped' }

export function livenessOf({ state, retryAtMs, heardAtMs }: Link, nowMs: number): Liveness {
  switch (state) {
    case 'open': {
      const silentMs = nowMs - heardAtMs
      return silentMs > SILENCE_MAX_MS
        ? { kind: 'behind', seconds: Math.floor(silentMs / 1000) }
        : { kind: 'live' }
    }
    case 'waiting':
      return { kind: 'waiting', seconds: Math.max(0, Math.ceil(((retryAtMs ?? nowMs) - nowMs) / 1000)) }
    case 'connecting':
      return { kind: 'connecting' }
    case 'closed':
    case 'stopped':
      return { kind: 'stopped' }
  }
}
