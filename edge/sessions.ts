/** Letting people in and out: sessions, tickets, share links. */

import type { GetTripResponse } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller, Role } from '@hushryd/kernel/rpc/caller.ts'
import { SHARE_LINK_MS, shareLinkUrl } from '@hushryd/kernel/share-link.ts'
import type { Identity, SessionIdentity, ViewerIdentity } from './identity.ts'
import { type LinkStore, TICKET_MS } from './link-store.ts'
import { type NamedSession, SESSION_MS, type SessionStore } from './session-store.ts'
import { hashOf, isSecret, newSecret, newToken, parseToken } from './session-token.ts'

export type { Identity, SessionIdentity, ViewerIdentity } from './identity.ts'

/** A look at the public map ends after this; the page opens another. */
const FLEET_VIEW_MS = 60 * 60 * 1000

export interface Sessions {
  create(login: {
    readonly userId: string
    readonly role: Role
    readonly deviceId: string
  }): Promise<{ readonly token: string; readonly expiresAtMs: number }>
  /** Throws UNAUTHENTICATED, SESSION_ENDED or UNAVAILABLE. */
  authenticate(bearer: string): Promise<SessionIdentity>
  list(userId: string): Promise<NamedSession[]>
  /** Answers how many ended. An empty device stands for all. */
  revoke(userId: string, deviceId: string): Promise<number>
  createTicket(
    caller: SessionIdentity['caller'],
    sessionHash: string,
  ): Promise<{ readonly ticket: string; readonly expiresAtMs: number }>
  /** Throws FORBIDDEN where the public map is closed. */
  createFleetTicket(): Promise<{ readonly ticket: string; readonly expiresAtMs: number }>
  redeemTicket(ticket: string): Promise<Identity>
  createShareLink(
    caller: Caller,
    tripId: string,
  ): Promise<{ readonly url: string; readonly expiresAtMs: number }>
  openShare(token: string): Promise<ViewerIdentity>
}

export interface SessionsOptions {
  readonly store: SessionStore
  readonly links: LinkStore
  /** Throws TRIP_NOT_FOUND or UNAVAILABLE. */
  readonly getTrip: (tripId: string) => Promise<GetTripResponse>
  /** Tells every edge; the store remembers for those that miss it. */
  readonly announceRevoked: (userId: string, hashes: readonly string[], atMs: number) => void
  readonly publicUrl: string
  readonly isFleetViewOpen: boolean
  readonly clock: Clock
}

function unknown(what: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_UNAUTHENTICATED, `The ${what} is not valid.`)
}

function ended(what: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_SESSION_ENDED, `The ${what} has ended.`)
}

function hasEnded({ status }: GetTripResponse): boolean {
  return status === TripStatus.COMPLETED || status === TripStatus.CANCELLED
}

function takesPart({ driverId, passengerIds }: GetTripResponse, userId: string): boolean {
  return driverId === userId || passengerIds.includes(userId)
}

export function createSessions(options: SessionsOptions): Sessions {
  const { store, links, getTrip, announceRevoked, clock } = options

  async function identityOf(userId: string, hash: string): Promise<SessionIdentity> {
    const session = await store.find(userId, hash, clock.nowMs())
    if (session === undefined) throw ended('session')
    const { role, deviceId, createdAt, expiresAt } = session
    return {
      caller: { kind: 'user', userId, role, deviceId },
      sessionHash: hash,
      createdAtMs: createdAt,
      expiresAtMs: expiresAt,
    }
  }

  async function getRunningTrip(tripId: string): Promise<GetTripResponse> {
    const trip = await getTrip(tripId)
    if (hasEnded(trip)) throw new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'The trip has ended.')
    return trip
  }

  return {
    async create({ userId, role, deviceId }) {
      const token = newToken(userId)
      const nowMs = clock.nowMs()
      const expiresAtMs = nowMs + SESSION_MS
      const session = { role, deviceId, createdAt: nowMs, lastActiveAt: nowMs, expiresAt: expiresAtMs }
      const dropped = await store.create(userId, { hash: hashOf(token), ...session })
      if (dropped.length > 0) {
        await store.noteRevoked(userId, dropped, nowMs)
        announceRevoked(userId, dropped, nowMs)
      }
      return { token, expiresAtMs }
    },

    async authenticate(bearer) {
      const token = parseToken(bearer)
      if (token === undefined) throw unknown('token')
      return await identityOf(token.userId, token.hash)
    },

    list: (userId) => store.list(userId, clock.nowMs()),

    async revoke(userId, deviceId) {
      const nowMs = clock.nowMs()
      const running = await store.list(userId, nowMs)
      const isAll = deviceId === ''
      const hashes = running
        .filter((session) => isAll || session.deviceId === deviceId)
        .map(({ hash }) => hash)
      // Sockets outlive a store that lost its data, so "all" is told as such even where the store knows of none.
      const told = isAll ? [''] : hashes
      // Noted before they are removed: a failure in between leaves sessions that a retry still finds.
      await store.noteRevoked(userId, told, nowMs)
      await store.remove(userId, hashes)
      if (told.length > 0) announceRevoked(userId, isAll ? [] : hashes, nowMs)
      return hashes.length
    },

    async createTicket(caller, sessionHash) {
      const ticket = newSecret()
      await links.putTicket(ticket, {
        kind: 'session',
        userId: caller.userId,
        role: caller.role,
        sessionHash,
      })
      return { ticket, expiresAtMs: clock.nowMs() + TICKET_MS }
    },

    async createFleetTicket() {
      if (!options.isFleetViewOpen) {
        throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'The public map is closed here.')
      }
      const ticket = newSecret()
      await links.putTicket(ticket, { kind: 'fleet' })
      return { ticket, expiresAtMs: clock.nowMs() + TICKET_MS }
    },

    async redeemTicket(secret) {
      if (!isSecret(secret)) throw unknown('ticket')
      const ticket = await links.takeTicket(secret)
      if (ticket === undefined) throw ended('ticket')
      // The session may have been revoked in the meantime.
      if (ticket.kind === 'session') return await identityOf(ticket.userId, ticket.sessionHash)
      if (!options.isFleetViewOpen) {
        throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'The public map is closed here.')
      }
      return {
        caller: { kind: 'viewer', scope: 'fleet' },
        name: `fleet:${hashOf(secret).slice(0, 12)}`,
        tripId: '',
        expiresAtMs: clock.nowMs() + FLEET_VIEW_MS,
      }
    },

    async createShareLink(caller, tripId) {
      const trip = await getTrip(tripId)
      const isTrusted = caller.kind === 'backend' || (caller.kind === 'user' && caller.role === 'admin')
      const sharedBy = caller.kind === 'user' && !isTrusted ? caller.userId : undefined
      if (!isTrusted && (sharedBy === undefined || !takesPart(trip, sharedBy))) {
        throw new DomainError(
          ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
          'The caller takes no part in this trip.',
        )
      }
      if (hasEnded(trip)) throw new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'The trip has ended.')
      const token = newSecret()
      const expiresAt = clock.nowMs() + SHARE_LINK_MS
      const link = { tripId, expiresAt, ...(sharedBy === undefined ? {} : { sharedBy }) }
      await links.putShare(token, link, SHARE_LINK_MS)
      return { url: shareLinkUrl(options.publicUrl, tripId, token), expiresAtMs: expiresAt }
    },

    async openShare(token) {
      if (!isSecret(token)) throw unknown('share link')
      const link = await links.findShare(token)
      if (link === undefined || link.expiresAt <= clock.nowMs()) throw ended('share link')
      const trip = await getRunningTrip(link.tripId)
      // An alert's link is made without asking which trip is whose; it is asked here.
      if (link.sharedBy !== undefined && !takesPart(trip, link.sharedBy)) throw ended('share link')
      return {
        caller: { kind: 'viewer', scope: `trip:${link.tripId}` },
        name: `share:${hashOf(token).slice(0, 12)}`,
        tripId: link.tripId,
        expiresAtMs: link.expiresAt,
      }
    },
  }
}
