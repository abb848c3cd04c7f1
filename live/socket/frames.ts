/**
 * The frames of the subprotocol hushryd.v1.json that this page sends and gets.
 *
 * Whatever arrives is checked by shape only where the page would break without
 * it: frames and fields that came into the protocol later are ignored.
 */

export const PROTOCOL = 'hushryd.v1.json'

/** Degrees, metres, m/s, degrees clockwise from north, milliseconds since 1970. */
export interface Position {
  readonly userId: string
  readonly lat: number
  readonly lng: number
  readonly accuracy: number
  readonly speed: number
  readonly heading: number
  readonly timestampMs: number
}

export interface FleetChange {
  readonly vehicles: readonly { readonly tripId: string; readonly position: Position }[]
  readonly removedTripIds: readonly string[]
  readonly caughtUp: boolean
}

export interface ServerFrame {
  readonly id?: string
  readonly welcome?: { readonly edgeId: string; readonly heartbeatMs: number; readonly serverTimeMs: number }
  readonly joined?: {
    readonly tripId: string
    readonly latest?: Position
    readonly missed?: readonly Position[]
  }
  readonly trip?: { readonly tripId: string; readonly updates: readonly Position[] }
  readonly next?: Readonly<Record<string, unknown>>
  readonly end?: object
  readonly error?: { readonly code: string; readonly message: string; readonly retryAfterMs?: number }
  readonly event?: { readonly type: string; readonly tripId: string }
  readonly goAway?: { readonly reason: string; readonly reconnectAfterMs: number }
}

export type ClientFrame =
  | { readonly id: string; readonly join: { readonly tripId: string; readonly sinceMs: number } }
  | { readonly id: string; readonly call: { readonly method: string; readonly request: object } }
  | { readonly id: string; readonly cancel: Readonly<Record<string, never>> }
  | { readonly ping: Readonly<Record<string, never>> }

/** Undefined for what is no frame: one odd message must not end the page. */
export function readFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== 'string') return undefined
  try {
    const frame: unknown = JSON.parse(data)
    return typeof frame === 'object' && frame !== null ? frame : undefined
  } catch {
    return undefined
  }
}

/** The message of WatchFleet; fields that are absent are empty. */
export function readFleetChange(next: Readonly<Record<string, unknown>>): FleetChange {
  const { vehicles, removedTripIds, caughtUp } = next as Partial<FleetChange>
  return {
    vehicles: (vehicles ?? []).filter(({ position }) => position !== undefined),
    removedTripIds: removedTripIds ?? [],
    caughtUp: caughtUp === true,
  }
}
