/** Each business event's counter and log line. Ids are in logs, never in labels; numbers are in neither. */
import type { Log } from '@hushryd/kernel/log.ts'
import type { MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'
import { type Call, type CallResult, durationSOf } from './call.ts'
import type { PoolUse } from './pool.ts'
import type { EndReason, MaskSession } from './session.ts'
import { PROVIDER_NAMES, type ProviderName, type WebhookRefusal } from './voice-provider.ts'

const RESULTS = [
  'completed',
  'no_answer',
  'busy',
  'failed',
  'cancelled',
  'caller_no_answer',
  'not_placed',
  'lost',
] as const satisfies readonly CallResult[]

/** Seconds of talk. */
const TALK_BUCKETS_S = [5, 15, 30, 60, 120, 300, 600, 1800, 3600] as const

export const sessionsMetric = {
  name: 'hushryd_maskcall_sessions_total',
  help: 'Wishes for a session, by what they got.',
  labels: { outcome: ['opened', 'existing', 'exhausted'] },
} as const satisfies MetricSpec

export const sessionsEndedMetric = {
  name: 'hushryd_maskcall_sessions_ended_total',
  help: 'Sessions that ended, by why.',
  labels: { reason: ['trip', 'request', 'expired', 'replaced'] },
} as const satisfies MetricSpec

export const poolPlacesMetric = {
  name: 'hushryd_maskcall_pool_places',
  help: 'Places of the pool: those that sessions hold, live or resting, and all there are.',
  labels: { provider: PROVIDER_NAMES, kind: ['held', 'capacity'] },
} as const satisfies MetricSpec

export const claimConflictsMetric = {
  name: 'hushryd_maskcall_claim_conflicts_total',
  help: 'Tries for a virtual number that another session was found to hold a claim of.',
  labels: { provider: PROVIDER_NAMES },
} as const satisfies MetricSpec

export const callsMetric = {
  name: 'hushryd_maskcall_calls_total',
  help: 'Calls that ended, by how they were begun and how they ended.',
  labels: { origin: ['app', 'phone'], result: RESULTS },
} as const satisfies MetricSpec

export const talkSecondsMetric = {
  name: 'hushryd_maskcall_talk_seconds',
  help: 'How long the two spoke.',
  labels: { provider: PROVIDER_NAMES },
  buckets: TALK_BUCKETS_S,
} as const satisfies MetricSpec

export const placementsMetric = {
  name: 'hushryd_maskcall_placements_total',
  help: 'Calls handed to providers, by how it ended.',
  labels: { provider: PROVIDER_NAMES, outcome: ['placed', 'refused', 'unavailable', 'cut_off', 'no_number'] },
} as const satisfies MetricSpec

export const alertCallsMetric = {
  name: 'hushryd_maskcall_alert_calls_total',
  help: 'Tries to call an emergency contact about an alert; open is tried again, unsure, where the provider was too slow, at most twice.',
  labels: { outcome: ['placed', 'refused', 'unsure', 'open'] },
} as const satisfies MetricSpec

export const inboundMetric = {
  name: 'hushryd_maskcall_inbound_total',
  help: 'Calls to virtual numbers, by what they got.',
  labels: { provider: PROVIDER_NAMES, answer: ['connected', 'stranger', 'ended', 'busy', 'unavailable'] },
} as const satisfies MetricSpec

export const smsMetric = {
  name: 'hushryd_maskcall_sms_refused_total',
  help: 'SMS to virtual numbers, which are not passed on.',
  labels: { provider: PROVIDER_NAMES },
} as const satisfies MetricSpec

export const webhookRefusalsMetric = {
  name: 'hushryd_maskcall_webhook_refusals_total',
  help: 'Webhooks that were not believed, not understood, or posted a second time.',
  labels: { provider: PROVIDER_NAMES, reason: ['not_configured', 'bad_signature', 'malformed', 'replayed'] },
} as const satisfies MetricSpec

export const breakerMetric = {
  name: 'hushryd_maskcall_breaker_open',
  help: '1 while the circuit breaker keeps calls away from the provider, 0.5 while it tries one.',
  labels: { provider: PROVIDER_NAMES },
} as const satisfies MetricSpec

export type AlertCallOutcome = (typeof alertCallsMetric.labels.outcome)[number]
export type InboundLabel = (typeof inboundMetric.labels.answer)[number]
export type PlacementOutcome = (typeof placementsMetric.labels.outcome)[number]
export type MaskcallEvents = ReturnType<typeof createMaskcallEvents>

export function createMaskcallEvents(log: Log, metrics: Metrics) {
  const sessions = metrics.counter(sessionsMetric)
  const sessionsEnded = metrics.counter(sessionsEndedMetric)
  const poolPlaces = metrics.gauge(poolPlacesMetric)
  const claimConflicts = metrics.counter(claimConflictsMetric)
  const calls = metrics.counter(callsMetric)
  const talkSeconds = metrics.histogram(talkSecondsMetric)
  const placements = metrics.counter(placementsMetric)
  const alertCalls = metrics.counter(alertCallsMetric)
  const inbound = metrics.counter(inboundMetric)
  const sms = metrics.counter(smsMetric)
  const webhookRefusals = metrics.counter(webhookRefusalsMetric)
  const breakers = metrics.gauge(breakerMetric)

  return {
    alertCall(alertId: string, outcome: AlertCallOutcome): void {
      alertCalls.inc({ outcome })
      if (outcome === 'placed') log.info({ alertId }, 'a contact is called about an alert')
      else log.error({ alertId, outcome }, 'no provider calls a contact about an alert')
    },
    sessionOpened({ id, tripId }: MaskSession): void {
      sessions.inc({ outcome: 'opened' })
      log.debug({ sessionId: id, tripId }, 'mask session opened')
    },
    sessionExisted(): void {
      sessions.inc({ outcome: 'existing' })
    },
    poolExhausted(tripId: string): void {
      sessions.inc({ outcome: 'exhausted' })
      log.error({ tripId }, 'no virtual number is free')
    },
    sessionEnded({ id, tripId }: MaskSession, reason: EndReason): void {
      sessionsEnded.inc({ reason })
      log.debug({ sessionId: id, tripId, reason }, 'mask session ended')
    },
    poolUse(provider: ProviderName, { held, capacity }: PoolUse): void {
      poolPlaces.set({ provider, kind: 'held' }, held)
      poolPlaces.set({ provider, kind: 'capacity' }, capacity)
    },
    poolLow(provider: ProviderName, { held, capacity }: PoolUse): void {
      log.warn({ provider, held, capacity }, 'the pool of virtual numbers runs low')
    },
    claimConflict(provider: ProviderName): void {
      claimConflicts.inc({ provider })
    },
    placement(callId: string, provider: ProviderName, outcome: PlacementOutcome, code = ''): void {
      placements.inc({ provider, outcome })
      const record = { callId, provider, outcome, ...(code === '' ? {} : { code }) }
      if (outcome === 'placed') log.info(record, 'call placed')
      else log.warn(record, 'provider did not take the call')
    },
    callEnded(call: Call, result: CallResult): void {
      const { id, sessionId, tripId, origin, caller, provider } = call
      calls.inc({ origin, result })
      const durationS = durationSOf(call)
      if (result === 'completed' && provider !== undefined) talkSeconds.observe({ provider }, durationS)
      log.info({ callId: id, sessionId, tripId, origin, caller, provider, result, durationS }, 'call ended')
    },
    inbound(provider: ProviderName, answer: InboundLabel, sessionId?: string): void {
      inbound.inc({ provider, answer })
      log.info({ provider, answer, ...(sessionId === undefined ? {} : { sessionId }) }, 'virtual number rang')
    },
    smsRefused(provider: ProviderName): void {
      sms.inc({ provider })
    },
    webhookRefused(provider: string, reason: WebhookRefusal): void {
      const known = PROVIDER_NAMES.find((name) => name === provider)
      // The metric makes "other" of what it does not know.
      webhookRefusals.inc({ provider: known ?? ('other' as ProviderName), reason })
      log.warn({ provider: known ?? 'other', reason }, 'webhook refused')
    },
    strayReport(provider: ProviderName, why: 'unknown_call' | 'other_provider'): void {
      log.info({ provider, why }, 'a report changes nothing')
    },
    breaker(provider: ProviderName, state: 0 | 0.5 | 1): void {
      breakers.set({ provider }, state)
      if (state === 1) log.error({ provider }, 'provider cut off')
      if (state === 0) log.info({ provider }, 'provider works')
    },
    untold({ id }: Call, error: unknown): void {
      log.warn({ err: error, callId: id }, 'NATS is away: an event is told later')
    },
    sweepFailed(what: 'session' | 'call', id: string, error: unknown): void {
      log.error({ err: error, [`${what}Id`]: id }, 'a sweep broke off; it is taken up again')
    },
    tripUnknown(tripId: string, error: unknown): void {
      log.warn({ err: error, tripId }, 'the directory is away: the session goes by what is known of the trip')
    },
  }
}
