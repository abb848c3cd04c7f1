/** Sessions and calls in the contract's words. */
import {
  type CallLog as CallLogMessage,
  CallOrigin,
  type LiveSession,
  Participant,
  CallResult as ResultMessage,
  SessionStatus,
} from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { answeredMsOf, type Call, type CallResult, durationSOf, endedMsOf, isOver, resultOf } from './call.ts'
import { isLive, type MaskSession, mayRecord, type Role } from './session.ts'

const PARTICIPANTS: Readonly<Record<Role, Participant>> = {
  driver: Participant.DRIVER,
  passenger: Participant.PASSENGER,
}

const RESULTS: Readonly<Record<CallResult, ResultMessage>> = {
  completed: ResultMessage.COMPLETED,
  no_answer: ResultMessage.NO_ANSWER,
  busy: ResultMessage.BUSY,
  failed: ResultMessage.FAILED,
  cancelled: ResultMessage.CANCELLED,
  caller_no_answer: ResultMessage.CALLER_NO_ANSWER,
  not_placed: ResultMessage.NOT_PLACED,
  lost: ResultMessage.LOST,
}

export function encodeSession(session: MaskSession, nowMs: number) {
  return {
    sessionId: session.id,
    virtualNumber: session.numbers[0]?.number ?? '',
    expiresAt: session.expiresMs,
    status: isLive(session, nowMs) ? SessionStatus.ACTIVE : SessionStatus.ENDED,
  }
}

/** For operations: who and since when, and no number. */
export function encodeLiveSession(session: MaskSession, nowMs: number): LiveSession {
  const { id, tripId, driverId, passengerId, openedMs, expiresMs, numbers, line } = session
  return {
    sessionId: id,
    tripId,
    driverId,
    passengerId,
    openedAt: openedMs,
    expiresAt: expiresMs,
    providers: numbers.map(({ provider }) => provider),
    isOnCall: line !== undefined && nowMs < line.untilMs,
    mayRecord: mayRecord(session),
  }
}

export function encodeCall(
  call: Call,
  { withRecording }: { readonly withRecording: boolean },
): CallLogMessage {
  const result = resultOf(call)
  return {
    callId: call.id,
    sessionId: call.sessionId,
    caller: PARTICIPANTS[call.caller],
    origin: call.origin === 'app' ? CallOrigin.APP : CallOrigin.PHONE,
    startedAt: call.startedMs,
    answeredAt: answeredMsOf(call) ?? 0,
    endedAt: isOver(call) ? (endedMsOf(call) ?? 0) : 0,
    durationS: durationSOf(call),
    result: result === undefined ? ResultMessage.CALL_RESULT_UNSPECIFIED : RESULTS[result],
    provider: result === 'not_placed' ? '' : (call.provider ?? ''),
    recordingRef: withRecording ? call.recordingRef : '',
  }
}
