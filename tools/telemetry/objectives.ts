/**
 * The promises that are kept or missed event by event, and how often they may
 * be missed. burn-rates.ts makes recordings and alerts of each. Pure.
 */

export interface Objective {
  /** The value of the label `objective`. */
  readonly name: string
  /** The alert's name, and in kebab case its runbook's. */
  readonly alert: string
  readonly service: string
  /** What is promised, and why this measure stands for it. */
  readonly reason: string
  /** Of all events; what is left is the error budget of 30 days. */
  readonly target: number
  /** Events within the window that missed it, and all: PromQL with `$window` in place of the range. */
  readonly missed: string
  readonly all: string
  /** Fewer events in an hour wake nobody: at night one in three says nothing. */
  readonly eventsMin: number
  readonly summary: string
}

/** All of a histogram that took longer than a bucket's bound. */
function slower(metric: string, boundS: number, labels = ''): string {
  const within = labels === '' ? `le="${boundS}"` : `${labels},le="${boundS}"`
  const all = `${metric}_count${labels === '' ? '' : `{${labels}}`}`
  return `sum(rate(${all}[$window])) - sum(rate(${metric}_bucket{${within}}[$window]))`
}

function rate(selector: string): string {
  return `sum(rate(${selector}[$window]))`
}

export const OBJECTIVES: readonly Objective[] = [
  {
    name: 'sos_legs',
    alert: 'SosLegsSlow',
    service: 'sos',
    reason:
      'Each of an alert’s four legs (stream, database, operations, contacts) ends within 500 ms: property 2 of the design. Measured by sos from the alert’s receipt.',
    target: 0.999,
    missed: slower('hushryd_sos_leg_seconds', 0.5),
    all: rate('hushryd_sos_leg_seconds_count'),
    eventsMin: 20,
    summary: 'Legs of alerts take longer than 500 ms',
  },
  {
    name: 'sos_answers',
    alert: 'SosAnswersLate',
    service: 'sos',
    reason:
      'TriggerSos is answered with all legs told, within SOS_ANSWER_MS (0.4 s). `early` is an answer whose time was over before, `not_taken` one that had to say no.',
    target: 0.999,
    missed: rate('hushryd_sos_answered_total{how=~"early|not_taken"}'),
    all: rate('hushryd_sos_answered_total'),
    eventsMin: 10,
    summary: 'Alerts are answered before their legs are through',
  },
  {
    name: 'sos_round_trips',
    alert: 'SosRoundTripsSlow',
    service: 'edge',
    reason:
      'The person’s phone hears within a second of its frame. Measured at the edge over the lane and the call behind it, so it holds what sos cannot see: lane, mesh, edge.',
    target: 0.999,
    missed: slower('hushryd_edge_sos_seconds', 1),
    all: rate('hushryd_edge_sos_seconds_count'),
    eventsMin: 5,
    summary: 'Alerts take longer than a second through the edge',
  },
  {
    name: 'position_delivery',
    alert: 'PositionsLate',
    service: 'edge',
    reason:
      'Followers see a position within 100 ms: property 1. Counted from the phone’s own time, so phones with wrong clocks are in it; hence 99 % and not more.',
    target: 0.99,
    missed: slower('hushryd_edge_delivery_seconds', 0.1),
    all: rate('hushryd_edge_delivery_seconds_count'),
    eventsMin: 1_000,
    summary: 'Positions reach followers later than 100 ms',
  },
  {
    name: 'notification_budget',
    alert: 'NotificationsLate',
    service: 'notify',
    reason:
      'A message of high priority arrives over some channel within 60 s. These are the messages of alerts: one that is late is a family that does not know.',
    target: 0.99,
    missed: rate('hushryd_notify_budget_missed_total'),
    // While every provider is away none ends, so the late ones count here as well.
    all: `${rate('hushryd_notify_ended_total{priority="high"}')} + ${rate('hushryd_notify_budget_missed_total')}`,
    eventsMin: 3,
    summary: 'Messages of high priority miss their 60 s',
  },
  {
    name: 'masked_calls',
    alert: 'CallsNotPlaced',
    service: 'maskcall',
    reason:
      'Rider and driver reach each other. `refused` is not counted: a wrong number or a caller who hangs up is the caller’s affair.',
    target: 0.99,
    missed: rate('hushryd_maskcall_placements_total{outcome=~"unavailable|cut_off|no_number"}'),
    all: rate('hushryd_maskcall_placements_total'),
    eventsMin: 20,
    summary: 'Masked calls cannot be placed',
  },
  {
    name: 'rest',
    alert: 'RestFailing',
    service: 'edge',
    reason:
      'Requests are answered, if only by a clear refusal: 5xx is the fault of this side. 503 of an exhausted pool or of a store that is away counts, since the person cannot tell.',
    target: 0.999,
    missed: rate('hushryd_edge_rest_seconds_count{status="5xx"}'),
    all: rate('hushryd_edge_rest_seconds_count'),
    eventsMin: 100,
    summary: 'REST requests fail',
  },
]
