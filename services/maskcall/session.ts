/**
 * The life of a mask session: active, then ended, then released.
 *
 * Pure. Once ended it connects nobody, and what it knew of the two numbers is
 * gone; its claims on virtual numbers rest for a while, so that who calls a
 * little late hears that the ride is over and not the next pair's phone.
 */
import type { ProviderName } from './voice-provider.ts'

export type Role = 'driver' | 'passenger'
export type EndReason = 'trip' | 'request' | 'expired' | 'replaced'

export interface VirtualNumber {
  readonly provider: ProviderName
  /** E.164. */
  readonly number: string
}

/** Both numbers, each sealed for its place in this session. */
export interface SealedNumbers {
  readonly keyId: string
  readonly driver: string
  readonly passenger: string
}

export interface MaskSession {
  readonly id: string
  readonly tripId: string
  readonly driverId: string
  readonly passengerId: string
  /** The first is the one that the two are told; others are taken when another provider has to stand in. */
  readonly numbers: readonly VirtualNumber[]
  /** See claims.ts: no two sessions that hold theirs share one. */
  readonly claims: readonly string[]
  /** Those of them that stand for the driver. */
  readonly driverClaims: readonly string[]
  readonly sealed: SealedNumbers | undefined
  /** When each of the two agreed to recordings, milliseconds since 1970. */
  readonly consents: Readonly<Partial<Record<Role, number>>>
  readonly state: 'active' | 'ended' | 'released'
  readonly openedMs: number
  readonly expiresMs: number
  readonly endedMs: number | undefined
  readonly endReason: EndReason | undefined
  /** When the sweep has to look at it next; undefined once it is released. */
  readonly dueMs: number | undefined
  /** The call that has the line, and until when nobody else gets it even where nothing more is heard of that call. */
  readonly line: { readonly callId: string; readonly untilMs: number } | undefined
}

export interface SessionTimes {
  readonly lastsMs: number
  readonly restMs: number
  /** How often a live session's trip is looked at, beside the news of it. */
  readonly checkEveryMs: number
}

export type NewSession = Pick<
  MaskSession,
  'id' | 'tripId' | 'driverId' | 'passengerId' | 'numbers' | 'claims' | 'driverClaims' | 'sealed' | 'consents'
>

export function openSession(fields: NewSession, nowMs: number, times: SessionTimes): MaskSession {
  const expiresMs = nowMs + times.lastsMs
  return {
    ...fields,
    state: 'active',
    openedMs: nowMs,
    expiresMs,
    endedMs: undefined,
    endReason: undefined,
    dueMs: Math.min(expiresMs, nowMs + times.checkEveryMs),
    line: undefined,
  }
}

/** Also by the clock: the sweep may be late, the promise is not. */
export function isLive(session: MaskSession, nowMs: number): boolean {
  return session.state === 'active' && nowMs < session.expiresMs
}

export function endSession(
  session: MaskSession,
  reason: EndReason,
  nowMs: number,
  times: SessionTimes,
): MaskSession {
  if (session.state !== 'active') return session
  return {
    ...session,
    state: 'ended',
    sealed: undefined,
    endedMs: nowMs,
    endReason: reason,
    dueMs: nowMs + times.restMs,
  }
}

export function releaseSession(session: MaskSession): MaskSession {
  if (session.state !== 'ended') return session
  return { ...session, state: 'released', claims: [], driverClaims: [], dueMs: undefined }
}

/** A live session's next look, never past its end. */
export function nextCheckMs(session: MaskSession, nowMs: number, times: SessionTimes): number {
  return Math.min(session.expiresMs, nowMs + times.checkEveryMs)
}

export interface TripPeople {
  readonly driverId: string
  readonly passengerIds: readonly string[]
  readonly isOver: boolean
}

/** Why the trip, as it is now, ends the session; undefined where it does not. */
export function whyTripEnds(
  { driverId, passengerId }: Pick<MaskSession, 'driverId' | 'passengerId'>,
  trip: TripPeople | undefined,
): EndReason | undefined {
  if (trip === undefined || trip.isOver) return 'trip'
  return trip.driverId === driverId && trip.passengerIds.includes(passengerId) ? undefined : 'replaced'
}

export function roleOf(
  { driverId, passengerId }: Pick<MaskSession, 'driverId' | 'passengerId'>,
  userId: string,
): Role | undefined {
  if (userId === driverId) return 'driver'
  return userId === passengerId ? 'passenger' : undefined
}

export function otherRole(role: Role): Role {
  return role === 'driver' ? 'passenger' : 'driver'
}

/** Both have to agree. */
export function mayRecord({ consents }: Pick<MaskSession, 'consents'>): boolean {
  return consents.driver !== undefined && consents.passenger !== undefined
}
