/** Calls from the app: one provider after the other, the session's line to one call at a time. */
import { randomBytes } from 'node:crypto'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import { beginCall, type Call } from './call.ts'
import type { CallLog } from './call-log.ts'
import type { CallLimit } from './directory.ts'
import type { MaskcallEvents } from './events.ts'
import type { ProviderLink } from './provider-link.ts'
import { phoneOf } from './sealed-numbers.ts'
import { type MaskSession, mayRecord, otherRole, type Role } from './session.ts'
import type { SessionStore } from './session-store.ts'
import type { Sessions } from './sessions.ts'

export interface CallsParts {
  readonly sessions: Sessions
  readonly sessionStore: SessionStore
  readonly callLog: CallLog
  /** The best one first. */
  readonly linksByHealth: (session: MaskSession) => readonly ProviderLink[]
  readonly ring: KeyRing
  readonly isRecordingOn: boolean
  readonly events: MaskcallEvents
  readonly nowMs: () => number
}

export type Started =
  | { readonly kind: 'calling'; readonly callId: string }
  /** The other one has begun a call. */
  | { readonly kind: 'line_busy' }

/**
 * How long a call that nobody reports on keeps the line: two phones ring, one
 * after the other. An answer makes it the longest that a call may last.
 */
export const RINGING_MS = 150_000
const ID_BYTES = 16
/** Of the caller's time, for what comes after the provider's answer. */
const WAY_BACK_MS = 300
const TRIP_CHECK_MS = 1_000
const UNAVAILABLE_RETRY_MS = 5_000

export class Calls {
  readonly #parts: CallsParts

  constructor(parts: CallsParts) {
    this.#parts = parts
  }

  async start(sessionId: string, userId: string, limit: { readonly deadlineMs: number }): Promise<Started> {
    const { sessions, sessionStore, callLog, nowMs } = this.#parts
    const { session, role } = await sessions.getFor(sessionId, userId)
    if (!(await sessions.isLiveNow(session, { ...limit, timeoutMs: TRIP_CHECK_MS }))) throw sessionEnded()
    const callId = `c_${randomBytes(ID_BYTES).toString('base64url')}`
    const line = { callId, untilMs: nowMs() + RINGING_MS }
    const taken = await sessionStore.takeLine(sessionId, line, nowMs())
    if (taken === undefined) return await this.#whoHasTheLine(sessionId, role)

    const { tripId, driverId, passengerId } = session
    const call = beginCall(
      { id: callId, sessionId, tripId, driverId, passengerId, origin: 'app', caller: role },
      undefined,
      nowMs(),
    )
    try {
      await callLog.begin(call, line.untilMs)
    } catch (error) {
      // No call knows of the line: otherwise the two would find it busy until its time is over.
      await sessionStore.freeLine(sessionId, callId).catch(() => undefined)
      throw error
    }
    let isCarried = false
    try {
      // A provider whose answer is late may ring the phone all the same, and says so in its reports.
      isCarried = (await this.#place(taken, call, limit)) || (await callLog.isCarried(callId))
    } finally {
      if (!isCarried) await callLog.close(callId, 'not_placed')
    }
    if (isCarried) {
      await callLog.started(callId)
      return { kind: 'calling', callId }
    }
    throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'No provider takes the call just now.', {
      retryAfterMs: UNAVAILABLE_RETRY_MS,
    })
  }

  async #whoHasTheLine(sessionId: string, role: Role): Promise<Started> {
    const { sessions, callLog } = this.#parts
    const { state, line } = await sessions.get(sessionId)
    if (state !== 'active') throw sessionEnded()
    const other = line === undefined ? undefined : await callLog.find(line.callId)
    // A second press of the button is the same call.
    if (other !== undefined && other.caller === role) return { kind: 'calling', callId: other.id }
    return { kind: 'line_busy' }
  }

  async #place(session: MaskSession, call: Call, { deadlineMs }: CallLimit): Promise<boolean> {
    const { sessions, callLog, linksByHealth, ring, isRecordingOn, events } = this.#parts
    const links = linksByHealth(session)
    for (const [index, link] of links.entries()) {
      const { name } = link.provider
      const leftMs = (deadlineMs ?? Number.POSITIVE_INFINITY) - Date.now() - WAY_BACK_MS
      // Each of those that are left gets its share, so that the last one is tried in time.
      const timeoutMs = leftMs / (links.length - index)
      if (timeoutMs <= 0) return false
      const virtualNumber = await sessions.numberOf(session, name)
      if (virtualNumber === undefined) {
        events.placement(call.id, name, 'no_number')
        continue
      }
      // Before it is placed: its first reports may be faster than the provider's answer.
      if (!(await callLog.handTo(call.id, name))) return true
      const { outcome, code } = await link.placeCall(
        {
          callId: call.id,
          virtualNumber,
          caller: phoneOf(ring, session, call.caller),
          callee: phoneOf(ring, session, otherRole(call.caller)),
          isRecorded: isRecordingOn && mayRecord(session),
        },
        timeoutMs,
      )
      events.placement(call.id, name, outcome, code)
      if (outcome === 'placed') return true
    }
    return false
  }
}

function sessionEnded(): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_MASK_SESSION_ENDED, 'The mask session has ended.')
}
