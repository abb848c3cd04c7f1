/** One function a method: check, call, encode. */
import {
  CallStart,
  type GetPoolResponse,
  type MaskCallServiceImplementation,
  SessionStatus,
} from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { DEFAULT_DEADLINE_MS } from '@hushryd/kernel/rpc/deadline.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import type { AlertCalls } from './alert-calls.ts'
import type { CallStore } from './call-store.ts'
import type { Calls } from './calls.ts'
import type { Directory } from './directory.ts'
import { encodeCall, encodeLiveSession, encodeSession } from './encode.ts'
import { readPageToken, writePageToken } from './page-token.ts'
import { checkIsSos, isAdmin, userIdOf } from './rights.ts'
import type { SessionStore } from './session-store.ts'
import { notAParticipant, type Sessions } from './sessions.ts'
import type { WebhookAnswer, WebhookRequest } from './voice-provider.ts'
import type { Webhooks } from './webhooks/webhooks.ts'

export interface HandlerParts {
  readonly sessions: Sessions
  readonly sessionStore: SessionStore
  readonly readPool: () => Promise<GetPoolResponse>
  readonly calls: Calls
  readonly alertCalls: AlertCalls
  readonly callStore: CallStore
  readonly directory: Directory
  readonly webhooks: Webhooks
  readonly nowMs: () => number
}

const CALLS_PAGE = 50
const SESSIONS_PAGE = 50
/** Of the caller's time: for the alert at hand, and the answer. What is late is known at the next try. */
const ANNOUNCE_WAY_BACK_MS = 1_000

interface RawRequest extends WebhookRequest {
  readonly provider: string
}

function encodeAnswer({ status, contentType, body }: WebhookAnswer) {
  return { status, contentType, body: Buffer.from(body) }
}

export function createHandlers(parts: HandlerParts): MaskCallServiceImplementation<RpcContext> {
  const { sessions, sessionStore, readPool, calls, alertCalls, callStore, directory, webhooks, nowMs } = parts

  /** Whose calls of the trip the caller may see: undefined is everybody's. */
  async function passengerShown(
    tripId: string,
    { caller, deadlineMs }: RpcContext,
  ): Promise<string | undefined> {
    const trip = await directory.findTrip(tripId, { deadlineMs })
    if (trip === undefined)
      throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'There is no such trip.')
    if (isAdmin(caller)) return undefined
    const userId = userIdOf(caller)
    if (userId === trip.driverId) return undefined
    if (trip.passengerIds.includes(userId)) return userId
    throw notAParticipant()
  }

  return {
    async createSession({ tripId, passengerId, recordingConsent }, { caller, deadlineMs }) {
      const opening = { tripId, userId: userIdOf(caller), passengerId, recordingConsent }
      return encodeSession(await sessions.open(opening, { deadlineMs }), nowMs())
    },

    async initiateCall({ sessionId }, { caller, deadlineMs = Date.now() + DEFAULT_DEADLINE_MS }) {
      const started = await calls.start(sessionId, userIdOf(caller), { deadlineMs })
      return started.kind === 'calling'
        ? { callId: started.callId, outcome: CallStart.CALLING }
        : { callId: '', outcome: CallStart.LINE_BUSY }
    },

    async endSession({ sessionId }, { caller }) {
      const session = isAdmin(caller)
        ? await sessions.get(sessionId)
        : (await sessions.getFor(sessionId, userIdOf(caller))).session
      await sessions.end(session, 'request')
      return { sessionId, status: SessionStatus.ENDED }
    },

    async listCallLogs({ tripId, pageSize, pageToken }, context) {
      const after = readPageToken(pageToken, 'c_')
      const passengerId = await passengerShown(tripId, context)
      const limit = pageSize === 0 ? CALLS_PAGE : pageSize
      const found = await callStore.list({ tripId, passengerId, after, limit: limit + 1 })
      const page = found.slice(0, limit).map(({ call }) => call)
      const last = found.length > limit ? page.at(-1) : undefined
      return {
        calls: page.map((call) => encodeCall(call, { withRecording: isAdmin(context.caller) })),
        nextPageToken: last === undefined ? '' : writePageToken({ atMs: last.startedMs, id: last.id }),
      }
    },

    async resolveInboundCall({ provider, ...request }: RawRequest) {
      return encodeAnswer(await webhooks.take(provider, 'voice', request))
    },

    async reportCallStatus({ provider, ...request }: RawRequest) {
      return encodeAnswer(await webhooks.take(provider, 'call-status', request))
    },

    async receiveSms({ provider, ...request }: RawRequest) {
      return encodeAnswer(await webhooks.take(provider, 'sms', request))
    },

    async announceAlerts({ alerts }, { caller, deadlineMs = Date.now() + DEFAULT_DEADLINE_MS }) {
      checkIsSos(caller)
      return { alerts: await alertCalls.announce(alerts, deadlineMs - ANNOUNCE_WAY_BACK_MS) }
    },

    async listSessions({ tripId, pageSize, pageToken }) {
      const limit = pageSize === 0 ? SESSIONS_PAGE : pageSize
      const now = nowMs()
      const after = readPageToken(pageToken, 'm_')
      const found = await sessionStore.listLive({ tripId, after, limit: limit + 1, nowMs: now })
      const page = found.slice(0, limit)
      const last = found.length > limit ? page.at(-1) : undefined
      return {
        sessions: page.map((session) => encodeLiveSession(session, now)),
        nextPageToken: last === undefined ? '' : writePageToken({ atMs: last.openedMs, id: last.id }),
      }
    },

    async getPool() {
      return await readPool()
    },
  }
}
