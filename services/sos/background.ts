/** What goes on beside the alerts' intake: loops and consumers that finish, escalate and tell. */
import { NotificationOutcome } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { outcomeStream, outcomeSubject } from '@hushryd/kernel/queued-notification.ts'
import { redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import type { JsMsg } from '@nats-io/jetstream'
import type { AlertStore } from './alert-store.ts'
import { decodeRaised, raisedSubject, streamName } from './alert-stream.ts'
import type { Escalator } from './escalator.ts'
import type { SosEvents } from './events.ts'
import type { LegFailures } from './leg-failures.ts'
import type { OpenBatches } from './open-batches.ts'
import type { Outcomes } from './outcomes.ts'
import { pull } from './pull.ts'
import type { Reconciler } from './reconciler.ts'
import type { ShareLinks } from './share-links.ts'
import { type Handled, isUnavailable, type Raised, type StreamWorker } from './stream-worker.ts'
import type { Teller } from './teller.ts'
import { TRACKING_AGAIN_MS, type Tracking } from './tracking.ts'
import type { VoiceCalls } from './voice-calls.ts'
import type { Watch } from './watch.ts'

export interface BackgroundParts {
  readonly nats: NatsLink
  readonly store: AlertStore
  readonly batches: OpenBatches
  readonly streamWorker: StreamWorker
  readonly reconciler: Reconciler
  readonly escalator: Escalator
  readonly outcomes: Outcomes
  /** Undefined where there is nobody who calls. */
  readonly voiceCalls: VoiceCalls | undefined
  readonly tracking: Tracking
  readonly links: ShareLinks
  readonly teller: Teller
  readonly legFailures: LegFailures
  readonly watch: Watch
  readonly events: SosEvents
  readonly log: Log
  readonly clock: Clock
  readonly namespace: string
}

const CONSUMER = 'sos'
const VOICE_CONSUMER = 'sos-voice'
const RECONNECT_MS = 500
const TICK_MS = 1_000
const RECONCILE_MS = 500
/** What a store that was away needs is tried again at least this often. */
const BACKOFF_MAX_MS = 2_000
const COUNT_MS = 5_000
/** Counted no further, as the metric says: in a flood the database has better things to do. */
const UNTAKEN_MAX = 10_000
const OPEN_MAX = 20_000
/** Each has up to 500 alerts. */
const RAISED_MAX = 20
/** Calls take their time, within which a message is not another process's. */
const CALLED_MAX = 1
const OUTCOMES_MAX = 200
/** The outcome of a message about an alert that the database does not have yet. */
const OUTCOME_AGAIN_MS = 5_000
const OUTCOME_AGE_MAX_MS = 60 * 60 * 1_000

export function startBackground(parts: BackgroundParts): readonly Loop[] {
  const { nats, store, batches, events, log, clock, namespace } = parts
  const loop = (name: string, everyMs: number, run: (signal: AbortSignal) => Promise<void>): Loop =>
    startLoop({ name, everyMs, run, log, clock, backoffMaxMs: Math.max(BACKOFF_MAX_MS, everyMs) })

  /** What the stream has of alerts, one message after the other. */
  const raised =
    (handle: (raised: Raised) => Promise<Handled>, failure: string) =>
    async (messages: readonly JsMsg[]): Promise<void> => {
      for (const message of messages) {
        const ageMs = clock.nowMs() - message.info.timestampNanos / 1_000_000
        try {
          const handled = await handle({ ageMs, read: () => decodeRaised(message.data) })
          if (handled.kind === 'done') message.ack()
          else redeliverAfter(message, handled.afterMs)
        } catch (error) {
          // It is kept, and comes again: an alert is never given up for a fault of ours.
          events.failed(failure, error)
          redeliverAfter(message, BACKOFF_MAX_MS)
        }
      }
    }

  async function onOutcomes(messages: readonly JsMsg[]): Promise<void> {
    const given = messages.map((message) => ({ message, outcome: NotificationOutcome.decode(message.data) }))
    const missing = await parts.outcomes.take(given.map(({ outcome }) => outcome))
    for (const { message, outcome } of given) {
      const isYoung = clock.nowMs() - outcome.at < OUTCOME_AGE_MAX_MS
      if (missing.has(outcome.correlationId) && isYoung) redeliverAfter(message, OUTCOME_AGAIN_MS)
      else message.ack()
    }
  }

  function callsOf(voiceCalls: VoiceCalls): (signal: AbortSignal) => Promise<void> {
    const onMessages = raised((alerts) => voiceCalls.handle(alerts), 'contacts could not be called')
    // Nobody is called about what was raised before there were calls.
    return (signal) =>
      pull({ ...ofAlerts, name: VOICE_CONSUMER, batchMax: CALLED_MAX, from: 'new', onMessages }, signal)
  }

  async function listOpen() {
    return (await store.listOpen(OPEN_MAX)).map(({ alert }) => alert)
  }

  const ofAlerts = {
    link: nats,
    stream: streamName(namespace),
    subject: raisedSubject(namespace),
    onFailed: (error: unknown) => events.failed('the stream of alerts failed', error),
  }
  const { streamWorker, voiceCalls } = parts
  const stored = raised(
    (alerts) => streamWorker.handle(alerts),
    'alerts of the stream could not be completed',
  )

  return [
    loop('stream worker', RECONNECT_MS, (signal) =>
      pull({ ...ofAlerts, name: CONSUMER, batchMax: RAISED_MAX, onMessages: stored }, signal),
    ),
    ...(voiceCalls === undefined ? [] : [loop('voice calls', RECONNECT_MS, callsOf(voiceCalls))]),
    loop('outcomes', RECONNECT_MS, (signal) =>
      pull(
        {
          link: nats,
          stream: outcomeStream(namespace),
          name: CONSUMER,
          subject: outcomeSubject(namespace, CONSUMER),
          batchMax: OUTCOMES_MAX,
          onMessages: onOutcomes,
          onFailed: (error) => {
            if (!isUnavailable(error)) events.failed('outcomes could not be noted', error)
          },
        },
        signal,
      ),
    ),
    loop('reconcile', RECONCILE_MS, (signal) => parts.reconciler.run(signal)),
    loop('escalate', TICK_MS, (signal) => parts.escalator.run(signal)),
    loop('track', TICK_MS, () => parts.tracking.tick()),
    loop('track open alerts', TRACKING_AGAIN_MS, async () => parts.tracking.want(await listOpen())),
    loop('links', TICK_MS, () => parts.links.restore(listOpen)),
    loop('watch', TICK_MS, () => parts.watch.tick()),
    loop('tell', TICK_MS, async () => {
      await parts.legFailures.tick()
      await parts.teller.retry()
    }),
    loop('count', COUNT_MS, async () => {
      const [unacknowledged, openBatches] = await Promise.all([
        store.countUntaken(UNTAKEN_MAX),
        batches.count(),
      ])
      events.counts({ unacknowledged, openBatches })
    }),
  ]
}
