/**
 * A call with what is owed because of it: that the operations room is told,
 * and that somebody looks at it when nothing more is heard.
 *
 * Pure: each function answers the next record.
 */
import { type Call, closeCall, isOver } from './call.ts'

export type Announcement = 'started' | 'ended'

export interface CallRecord {
  readonly call: Call
  readonly version: number
  /** Everything that there ever was to tell, in its order. */
  readonly raised: readonly Announcement[]
  /** What of it the operations room has not been told yet. */
  readonly untold: readonly Announcement[]
  /** Without another word by then, it is taken for lost. */
  readonly lostMs: number
  /** When the sweep has to look at it; undefined once it is over and told. */
  readonly dueMs: number | undefined
}

/** What could not be told is tried again after this, and less often the longer it takes. */
const TELL_AGAIN_MS = 3_000
const TELL_AGAIN_MS_MAX = 300_000
const PART_OF_AGE = 4

function withDue(record: CallRecord, nowMs: number): CallRecord {
  const { call, untold, lostMs } = record
  const againMs = Math.min(Math.max(TELL_AGAIN_MS, (nowMs - call.startedMs) / PART_OF_AGE), TELL_AGAIN_MS_MAX)
  const dues = [...(untold.length > 0 ? [nowMs + againMs] : []), ...(isOver(call) ? [] : [lostMs])]
  return { ...record, dueMs: dues.length > 0 ? Math.min(...dues) : undefined }
}

function raise(record: CallRecord, announcement: Announcement): CallRecord {
  if (record.raised.includes(announcement)) return record
  return {
    ...record,
    raised: [...record.raised, announcement],
    untold: [...record.untold, announcement],
  }
}

export function newRecord(call: Call, lostMs: number): CallRecord {
  return { call, version: 1, raised: [], untold: [], lostMs, dueMs: lostMs }
}

/** Both phones are in it. */
export function isTalking(call: Call): boolean {
  return !isOver(call) && call.legs.callee.answeredMs !== undefined
}

export function recordStart(record: CallRecord, nowMs: number): CallRecord {
  return withDue(raise(record, 'started'), nowMs)
}

/** Nobody is told of a call that no phone rang for, and nobody of an end before its beginning. */
export function recordCall(
  record: CallRecord,
  call: Call,
  { nowMs, callMaxMs }: { readonly nowMs: number; readonly callMaxMs: number },
): CallRecord {
  const hasBegunToTalk = isTalking(call) && !isTalking(record.call)
  const next = { ...record, call, lostMs: hasBegunToTalk ? nowMs + callMaxMs : record.lostMs }
  const isToTell = isOver(call) && call.closed !== 'not_placed'
  return withDue(isToTell ? raise(raise(next, 'started'), 'ended') : next, nowMs)
}

export function recordTold(record: CallRecord, told: Announcement, nowMs: number): CallRecord {
  return withDue({ ...record, untold: record.untold.filter((one) => one !== told) }, nowMs)
}

/** What the sweep makes of it. */
export function recordSilence(record: CallRecord, limits: { nowMs: number; callMaxMs: number }): CallRecord {
  if (limits.nowMs < record.lostMs) return withDue(record, limits.nowMs)
  return recordCall(record, closeCall(record.call, 'lost', limits.nowMs), limits)
}
