/** Opens mask sessions and ends them: with their trip, by request, after their time. */
import { randomBytes } from 'node:crypto'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import { BulkheadRejectedError, bulkhead } from 'cockatiel'
import { parsePhoneNumberFromString } from 'libphonenumber-js'
import type { Allocator, Take } from './allocator.ts'
import type { CallLimit, Directory, Trip } from './directory.ts'
import type { MaskcallEvents } from './events.ts'
import { openNumbers, type Phones, sealNumbers } from './sealed-numbers.ts'
import {
  type EndReason,
  endSession,
  isLive,
  type MaskSession,
  nextCheckMs,
  openSession,
  type Role,
  releaseSession,
  roleOf,
  type SessionTimes,
  whyTripEnds,
} from './session.ts'
import type { SessionStore } from './session-store.ts'
import type { ProviderName } from './voice-provider.ts'

export interface SessionsParts {
  readonly store: SessionStore
  readonly allocator: Allocator
  readonly directory: Directory
  readonly ring: KeyRing
  readonly times: SessionTimes
  /** The best one first. */
  readonly providersByHealth: () => readonly ProviderName[]
  readonly events: MaskcallEvents
  readonly nowMs: () => number
}

export interface Opening {
  readonly tripId: string
  readonly userId: string
  /** With whom a driver wants to speak; empty where he did not say. */
  readonly passengerId: string
  readonly recordingConsent: boolean
}

interface Pair {
  readonly tripId: string
  readonly driverId: string
  readonly passengerId: string
  readonly role: Role
}

/** Of a pool that is used up; sessions end all the time. */
const POOL_RETRY_MS = 30_000
/** A directory node may be this late with a change that it has announced. */
const STALE_TRIP_MS = 1_500
const ID_BYTES = 16
/** Another one of the pair opens, or a sweep ends, at the same time: that often and no more. */
const OPEN_TRIES_MAX = 4

/** Opened at once by one process, and waiting for it. */
const OPENINGS_MAX = 64
const OPENINGS_WAITING_MAX = 20_000
const TOO_MANY_RETRY_MS = 1_000

export function notAParticipant(): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
    'Only the two who share the trip may do this.',
  )
}

function countryOf(phone: string): string | undefined {
  return parsePhoneNumberFromString(phone)?.country
}

function checkCallable({ driver, passenger }: Phones): void {
  if (driver !== '' && passenger !== '' && driver !== passenger) return
  throw new DomainError(
    ErrorReason.ERROR_REASON_NOT_CALLABLE,
    'One of the two has no phone number on record, or both have the same.',
  )
}

function pairOf({ tripId, userId, passengerId }: Opening, trip: Trip): Pair {
  const { driverId, passengerIds } = trip
  if (userId === driverId) {
    const [only, ...others] = passengerIds
    const wanted = passengerId === '' && others.length === 0 ? only : passengerId
    if (wanted !== undefined && passengerIds.includes(wanted))
      return { tripId, driverId, passengerId: wanted, role: 'driver' }
    throw new DomainError(
      ErrorReason.ERROR_REASON_INVALID_REQUEST,
      'The request does not name a passenger of the trip.',
      { violations: [{ field: 'passenger_id', description: 'names no passenger of the trip' }] },
    )
  }
  if (passengerIds.includes(userId)) return { tripId, driverId, passengerId: userId, role: 'passenger' }
  throw notAParticipant()
}

export class Sessions {
  readonly #parts: SessionsParts
  readonly #gate = bulkhead(OPENINGS_MAX, OPENINGS_WAITING_MAX)

  constructor(parts: SessionsParts) {
    this.#parts = parts
  }

  /** In turn where very many come at once: the directory and the database answer sooner so. */
  async open(opening: Opening, limit: CallLimit): Promise<MaskSession> {
    try {
      return await this.#gate.execute(() => this.#open(opening, limit))
    } catch (error) {
      throw error instanceof BulkheadRejectedError ? tooMany() : error
    }
  }

  async #open(opening: Opening, limit: CallLimit): Promise<MaskSession> {
    const { directory, store, events, nowMs } = this.#parts
    const trip = await directory.findTrip(opening.tripId, limit)
    if (trip === undefined)
      throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'There is no such trip.')
    const pair = pairOf(opening, trip)
    if (trip.isOver) throw new DomainError(ErrorReason.ERROR_REASON_TRIP_ENDED, 'The trip is over.')
    for (let tries = 1; tries <= OPEN_TRIES_MAX; tries += 1) {
      const existing = await this.#findLive(pair)
      if (existing !== undefined) {
        events.sessionExisted()
        if (opening.recordingConsent) await store.consent(existing.id, pair.role, nowMs())
        return existing
      }
      const opened = await this.#openNew(pair, opening, limit)
      if (opened !== undefined) return opened
    }
    throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'The session changes just now; try again.')
  }

  /** What is over by the clock or whose driver was replaced, and was not swept yet, makes room for the next. */
  async #findLive({ tripId, passengerId, driverId }: Pair): Promise<MaskSession | undefined> {
    const { store, nowMs } = this.#parts
    const session = await store.findActive(tripId, passengerId)
    if (session === undefined) return undefined
    if (!isLive(session, nowMs())) await this.end(session, 'expired')
    else if (session.driverId !== driverId) await this.end(session, 'replaced')
    else return session
    return undefined
  }

  /** Undefined where the other one of the pair was faster. */
  async #openNew(pair: Pair, opening: Opening, limit: CallLimit): Promise<MaskSession | undefined> {
    const { directory, ring, store, allocator, times, providersByHealth, events, nowMs } = this.#parts
    const { tripId, driverId, passengerId, role } = pair
    const [driver, passenger] = await Promise.all([
      directory.findPhone(driverId, limit),
      directory.findPhone(passengerId, limit),
    ])
    const phones = { driver, passenger }
    checkCallable(phones)
    const id = `m_${randomBytes(ID_BYTES).toString('base64url')}`
    const sealed = sealNumbers(ring, id, phones)
    const consents = opening.recordingConsent ? { [role]: nowMs() } : {}

    const take: Take<MaskSession | 'exists'> = async ({ number, claims, driverClaims }) => {
      const fields = {
        id,
        tripId,
        driverId,
        passengerId,
        numbers: [number],
        claims,
        driverClaims,
        sealed,
        consents,
      }
      const session = openSession(fields, nowMs(), times)
      const outcome = await store.insert(session)
      if (outcome === 'claimed_by_others') return undefined
      return outcome === 'exists' ? 'exists' : session
    }
    for (const provider of providersByHealth()) {
      const result = await allocator.take({ provider, country: countryOf(passenger), phones }, take)
      if (result === 'exists') return undefined
      if (result === undefined) continue
      events.sessionOpened(result)
      return result
    }
    events.poolExhausted(tripId)
    throw poolExhausted()
  }

  /** The session's number with this provider, taken now where it has none yet; undefined where none is free. */
  async numberOf(session: MaskSession, provider: ProviderName): Promise<string | undefined> {
    const { ring, store, allocator } = this.#parts
    const own = session.numbers.find((number) => number.provider === provider)
    if (own !== undefined) return own.number
    const phones = openNumbers(ring, session)
    const taken = await allocator.take(
      { provider, country: countryOf(phones.passenger), phones },
      ({ number, ...claims }) => store.addNumber(session.id, number, claims),
    )
    // Somebody else may have added one at the same moment.
    const { numbers } = taken ?? (await store.find(session.id)) ?? session
    return numbers.find((number) => number.provider === provider)?.number
  }

  async get(id: string): Promise<MaskSession> {
    const session = await this.#parts.store.find(id)
    if (session !== undefined) return session
    throw new DomainError(ErrorReason.ERROR_REASON_MASK_SESSION_NOT_FOUND, 'There is no such mask session.')
  }

  /** As one of the two; to others it looks as it does to everyone who makes up an id. */
  async getFor(id: string, userId: string): Promise<{ readonly session: MaskSession; readonly role: Role }> {
    const session = await this.get(id)
    const role = roleOf(session, userId)
    if (role === undefined) throw notAParticipant()
    return { session, role }
  }

  /** Does nothing where it is over already. */
  async end(session: MaskSession, reason: EndReason): Promise<void> {
    const { store, times, events, nowMs } = this.#parts
    const ended = endSession(session, reason, nowMs(), times)
    if (ended !== session && (await store.settle(ended, 'active'))) events.sessionEnded(session, reason)
  }

  /**
   * Whether the two may speak now: by the clock, and by the trip as the
   * directory has it. Where the directory is away, what is known counts.
   */
  async isLiveNow(session: MaskSession, limit: CallLimit): Promise<boolean> {
    const { directory, events, nowMs } = this.#parts
    if (!isLive(session, nowMs())) return false
    let why: EndReason | undefined
    try {
      why = whyTripEnds(session, await directory.findTrip(session.tripId, limit))
    } catch (error) {
      events.tripUnknown(session.tripId, error)
      return true
    }
    if (why === undefined) return true
    await this.end(session, why)
    return false
  }

  async tripEnded(tripId: string): Promise<void> {
    for (const session of await this.#parts.store.listActiveOf(tripId)) await this.end(session, 'trip')
  }

  async tripChanged(tripId: string, version: number): Promise<void> {
    const { store, directory, nowMs } = this.#parts
    const sessions = await store.listActiveOf(tripId)
    if (sessions.length === 0) return
    const trip = await directory.findTrip(tripId, {})
    for (const session of sessions) {
      const why = whyTripEnds(session, trip)
      if (why !== undefined) await this.end(session, why)
      else if (trip !== undefined && trip.version < version)
        await store.setDue(session.id, nowMs() + STALE_TRIP_MS)
    }
  }

  /** What is due of it: the sweep's work, which may be done twice. */
  async settleDue(session: MaskSession): Promise<void> {
    const { store, directory, times, nowMs } = this.#parts
    if (session.state === 'ended') {
      await store.settle(releaseSession(session), 'ended')
      return
    }
    if (!isLive(session, nowMs())) return await this.end(session, 'expired')
    const why = whyTripEnds(session, await directory.findTrip(session.tripId, {}))
    if (why !== undefined) await this.end(session, why)
    else await store.setDue(session.id, nextCheckMs(session, nowMs(), times))
  }
}

function tooMany(): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_UNAVAILABLE,
    'Too many sessions are being opened just now.',
    {
      retryAfterMs: TOO_MANY_RETRY_MS,
    },
  )
}

function poolExhausted(): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_POOL_EXHAUSTED,
    'No virtual number is free for these two just now.',
    { retryAfterMs: POOL_RETRY_MS },
  )
}
