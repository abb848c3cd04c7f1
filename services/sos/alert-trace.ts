/**
 * An alert in its trace. Its legs are done in batches with others' legs, so
 * their spans are written when they end, from the times that the intake has.
 */
import { startSpan, type TraceAttributes, type TraceSpan } from '@hushryd/kernel/tracing.ts'
import type { Leg, Trigger } from './alert.ts'
import { alertsSpec } from './alert-document.ts'

const LEG_KINDS: Readonly<Record<Leg, 'client' | 'producer'>> = {
  stream: 'producer',
  database: 'client',
  admin: 'producer',
  contacts: 'producer',
}

const NATS: TraceAttributes = { 'messaging.system': 'nats' }
const LEG_ATTRIBUTES: Readonly<Record<Leg, TraceAttributes>> = {
  stream: NATS,
  database: { 'db.system.name': 'mongodb', 'db.collection.name': alertsSpec.name },
  admin: NATS,
  contacts: NATS,
}

/** From its receipt until its last leg has ended. */
export function startAlertSpan({ alertId, tripId, traceparent }: Trigger): TraceSpan | undefined {
  // Without one the span would be part of whichever request came with it in a batch.
  if (traceparent === undefined) return undefined
  return startSpan('alert', {
    kind: 'server',
    parent: traceparent,
    attributes: { 'hushryd.alert_id': alertId, 'hushryd.trip_id': tripId },
  })
}

export interface EndedLeg {
  readonly leg: Leg
  readonly outcome: string
  readonly startMs: number
}

export function writeLegSpan(alert: TraceSpan, { leg, outcome, startMs }: EndedLeg): void {
  const span = startSpan(`leg ${leg}`, {
    kind: LEG_KINDS[leg],
    parent: alert.traceparent,
    startMs,
    attributes: { ...LEG_ATTRIBUTES[leg], 'hushryd.leg': leg, 'hushryd.outcome': outcome },
  })
  span?.end(outcome === 'failed' ? 'FAILED' : undefined)
}
