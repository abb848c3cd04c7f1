/**
 * What is known of a call, and what follows from it.
 *
 * Pure. Providers report each leg by itself, twice, late and in any order, so
 * a call is a set of facts that only grows, and everything else is computed
 * from them: the same reports in another order make the same log.
 */
import type { Role } from './session.ts'
import type { ProviderName } from './voice-provider.ts'

export type Leg = 'caller' | 'callee'
export type LegEnd = 'completed' | 'busy' | 'no_answer' | 'failed' | 'cancelled'
export type CallResult =
  | 'completed'
  | 'no_answer'
  | 'busy'
  | 'failed'
  | 'cancelled'
  | 'caller_no_answer'
  | 'not_placed'
  | 'lost'

export interface LegFacts {
  /** The provider has begun with it. */
  readonly rangMs?: number
  readonly answeredMs?: number
  readonly end?: LegEnd
  readonly endedMs?: number
}

export interface Call {
  readonly id: string
  readonly sessionId: string
  readonly tripId: string
  readonly driverId: string
  readonly passengerId: string
  readonly origin: 'app' | 'phone'
  readonly caller: Role
  /** Undefined until one has taken it. */
  readonly provider: ProviderName | undefined
  readonly startedMs: number
  readonly legs: Readonly<Record<Leg, LegFacts>>
  /** Seconds that the two spoke, where the provider says it. */
  readonly talkS: number
  readonly recordingRef: string
  /** Set where no report will come: nobody took the call, or nothing was heard of it any more. */
  readonly closed: 'not_placed' | 'lost' | undefined
  readonly closedMs: number | undefined
}

export interface CallReport {
  readonly leg: Leg
  readonly atMs: number
  /** `noted` says nothing of the leg. */
  readonly status: 'noted' | 'ringing' | 'answered' | LegEnd
  readonly talkS?: number
  readonly recordingRef?: string
}

export type NewCall = Pick<
  Call,
  'id' | 'sessionId' | 'tripId' | 'driverId' | 'passengerId' | 'origin' | 'caller'
>

export function beginCall(fields: NewCall, provider: ProviderName | undefined, nowMs: number): Call {
  // Who dials has answered his own phone, so to say.
  const caller: LegFacts = fields.origin === 'phone' ? { answeredMs: nowMs } : {}
  return {
    ...fields,
    provider,
    startedMs: nowMs,
    legs: { caller, callee: {} },
    talkS: 0,
    recordingRef: '',
    closed: undefined,
    closedMs: undefined,
  }
}

/** Of two ends of one leg the provider meant the one that says more. */
const END_RANK: Readonly<Record<LegEnd, number>> = {
  completed: 4,
  busy: 3,
  no_answer: 2,
  failed: 1,
  cancelled: 0,
}

function earlier(one: number | undefined, other: number): number {
  return one === undefined ? other : Math.min(one, other)
}

function addToLeg(facts: LegFacts, { status, atMs }: CallReport): LegFacts {
  if (status === 'noted') return facts
  if (status === 'ringing') return { ...facts, rangMs: earlier(facts.rangMs, atMs) }
  if (status === 'answered') return { ...facts, answeredMs: earlier(facts.answeredMs, atMs) }
  const end = facts.end !== undefined && END_RANK[facts.end] >= END_RANK[status] ? facts.end : status
  return { ...facts, end, endedMs: earlier(facts.endedMs, atMs) }
}

export function addReport(call: Call, report: CallReport): Call {
  return {
    ...call,
    legs: { ...call.legs, [report.leg]: addToLeg(call.legs[report.leg], report) },
    talkS: Math.max(call.talkS, report.talkS ?? 0),
    // One of several, the same whatever their order.
    recordingRef: [call.recordingRef, report.recordingRef ?? ''].sort().at(-1) ?? '',
  }
}

export function closeCall(call: Call, why: 'not_placed' | 'lost', nowMs: number): Call {
  if (call.closed !== undefined || isOver(call)) return call
  return { ...call, closed: why, closedMs: nowMs }
}

/** Undefined while it is under way. What is reported counts more than what was supposed without a report. */
export function resultOf({ legs: { caller, callee }, closed }: Call): CallResult | undefined {
  if (callee.end !== undefined || caller.end !== undefined) {
    if (callee.answeredMs !== undefined || callee.end === 'completed') return 'completed'
    if (callee.end !== undefined) return callee.end
    if (caller.answeredMs !== undefined || caller.end === 'completed' || caller.end === 'cancelled')
      return 'cancelled'
    return 'caller_no_answer'
  }
  return closed
}

/** Its provider has told something of it: it is carried, whatever became of the provider's answer. */
export function isCarried({ legs: { caller, callee } }: Call): boolean {
  return [caller, callee].some(
    ({ rangMs, answeredMs, end }) => rangMs !== undefined || answeredMs !== undefined || end !== undefined,
  )
}

export function isOver(call: Call): boolean {
  return resultOf(call) !== undefined
}

export function endedMsOf({ legs: { caller, callee }, closedMs }: Call): number | undefined {
  const ends = [caller.endedMs, callee.endedMs].filter((ms) => ms !== undefined)
  return ends.length > 0 ? Math.min(...ends) : closedMs
}

export function answeredMsOf(call: Call): number | undefined {
  return resultOf(call) === 'completed' || !isOver(call) ? call.legs.callee.answeredMs : undefined
}

const SECOND_MS = 1000

export function durationSOf(call: Call): number {
  if (resultOf(call) !== 'completed') return 0
  if (call.talkS > 0) return call.talkS
  const answeredMs = call.legs.callee.answeredMs
  const endedMs = call.legs.callee.endedMs ?? endedMsOf(call)
  if (answeredMs === undefined || endedMs === undefined) return 0
  return Math.max(0, Math.round((endedMs - answeredMs) / SECOND_MS))
}
