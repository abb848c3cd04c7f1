/**
 * Calls to virtual numbers, answered by who calls: one of the two is
 * connected to the other, everybody else hears a message.
 */
import { createHash } from 'node:crypto'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import { beginCall } from './call.ts'
import type { CallLog } from './call-log.ts'
import { RINGING_MS } from './calls.ts'
import { type DigestKey, participantClaims } from './claims.ts'
import type { InboundLabel, MaskcallEvents } from './events.ts'
import { MESSAGES } from './messages.ts'
import { phoneOf } from './sealed-numbers.ts'
import { type MaskSession, mayRecord, otherRole, type Role } from './session.ts'
import type { SessionStore } from './session-store.ts'
import type { Sessions } from './sessions.ts'
import type { InboundAnswer, ProviderName, WebhookReading } from './voice-provider.ts'

export interface InboundParts {
  readonly sessions: Sessions
  readonly sessionStore: SessionStore
  readonly callLog: CallLog
  readonly digestKeys: readonly DigestKey[]
  readonly ring: KeyRing
  readonly isRecordingOn: boolean
  readonly events: MaskcallEvents
  readonly nowMs: () => number
}

export type InboundCall = Extract<WebhookReading, { kind: 'inbound' }>

/** Somebody listens to it ring meanwhile; without an answer the clock and the news of the trip decide. */
const TRIP_CHECK_MS = 800
const ID_CHARS = 22

/** The provider's id of a call that came in makes ours, so that its reports find it without a look-up. */
export function inboundCallId(provider: ProviderName, providerCallId: string): string {
  const digest = createHash('sha256').update(`${provider}\n${providerCallId}`).digest('base64url')
  return `c_${digest.slice(0, ID_CHARS)}`
}

interface Found {
  readonly session: MaskSession
  readonly role: Role
}

function say(text: string): InboundAnswer {
  return { kind: 'say', text }
}

export class Inbound {
  readonly #parts: InboundParts

  constructor(parts: InboundParts) {
    this.#parts = parts
  }

  async answer(provider: ProviderName, inbound: InboundCall): Promise<InboundAnswer> {
    const { sessions, events } = this.#parts
    const found = await this.#find(inbound)
    const tell = (label: InboundLabel): void => {
      // Of a flow's steps the one that decides counts.
      const decides = inbound.ask === 'answer' || (inbound.ask === 'route' && label !== 'connected')
      if (decides) events.inbound(provider, label, found?.session.id)
    }
    if (found === undefined) {
      tell('stranger')
      return say(MESSAGES.stranger)
    }
    const { session, role } = found
    if (!(await sessions.isLiveNow(session, { timeoutMs: TRIP_CHECK_MS }))) {
      tell('ended')
      return say(MESSAGES.ended)
    }
    const isConnected =
      inbound.ask === 'answer' ? await this.#begin(provider, inbound, found) : this.#isLineFree(session)
    if (!isConnected) {
      tell('busy')
      return say(MESSAGES.busy)
    }
    tell('connected')
    return {
      kind: 'connect',
      callId: inboundCallId(provider, inbound.providerCallId),
      virtualNumber: inbound.to,
      callee: phoneOf(this.#parts.ring, session, otherRole(role)),
      isRecorded: this.#parts.isRecordingOn && mayRecord(session),
    }
  }

  async #find({ from, to }: InboundCall): Promise<Found | undefined> {
    const { digestKeys, sessionStore } = this.#parts
    const claims = participantClaims(digestKeys, to, from.reveal())
    const session = await sessionStore.findByClaims(claims)
    if (session === undefined) return undefined
    const isDriver = session.driverClaims.some((claim) => claims.includes(claim))
    return { session, role: isDriver ? 'driver' : 'passenger' }
  }

  #isLineFree({ line }: MaskSession): boolean {
    return line === undefined || line.untilMs <= this.#parts.nowMs()
  }

  /** False where the line is another call's. */
  async #begin(
    provider: ProviderName,
    { providerCallId }: InboundCall,
    { session, role }: Found,
  ): Promise<boolean> {
    const { sessionStore, callLog, nowMs } = this.#parts
    const callId = inboundCallId(provider, providerCallId)
    const line = { callId, untilMs: nowMs() + RINGING_MS }
    if ((await sessionStore.takeLine(session.id, line, nowMs())) === undefined) return false
    const { tripId, driverId, passengerId } = session
    const call = beginCall(
      { id: callId, sessionId: session.id, tripId, driverId, passengerId, origin: 'phone', caller: role },
      provider,
      nowMs(),
    )
    await callLog.begin(call, line.untilMs)
    await callLog.started(callId)
    return true
  }
}
