/**
 * Has those emergency contacts called who want to be: maskcall does it, and
 * knows a repeat. Each alert comes here from the stream, by a consumer of its
 * own, again and again until its calls are done; so that neither a process
 * that dies nor a provider that is away loses one, and no alert waits for it.
 */
import { type AlertCalls, MaskCallServiceDefinition } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { type NotificationOutcome, OutcomeStatus } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { createRpcClient, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { type Alert, type Trigger, VOICE } from './alert.ts'
import type { Outcomes } from './outcomes.ts'
import { type Handled, isUnavailable, type Raised } from './stream-worker.ts'

type Called = Pick<Alert, 'alertId' | 'userId'>

export interface VoiceCallsOptions {
  /** Rejects with UNAVAILABLE while nobody can be asked. */
  readonly announce: (alerts: readonly Called[]) => Promise<readonly AlertCalls[]>
  readonly outcomes: Pick<Outcomes, 'take'>
  /** No provider would take it, or for so long none could that it is of no use any more. */
  readonly onFailed: (trigger: Trigger) => Promise<void>
}

/** Messages first: they hold the link, and the call asks to open it. */
const HEAD_START_MS = 2_000
const AGAIN_MS = 2_000
/** By then everyone has been reached, or sent for, in other ways. */
const GIVE_UP_MS = 15 * 60 * 1_000

export class VoiceCalls {
  readonly #options: VoiceCallsOptions

  constructor(options: VoiceCallsOptions) {
    this.#options = options
  }

  async handle({ ageMs, read }: Raised): Promise<Handled> {
    const { announce, outcomes, onFailed } = this.#options
    if (ageMs < HEAD_START_MS) return { kind: 'again', afterMs: HEAD_START_MS - ageMs }
    const triggers = read()
    try {
      const answers = await announce(triggers)
      const missing = await outcomes.take(answers.flatMap(toOutcomes))
      const isRefused = new Set(
        answers
          .filter(({ calls }) => calls.some(({ isPlaced }) => !isPlaced))
          .map(({ alertId }): string => alertId),
      )
      for (const trigger of triggers) if (isRefused.has(trigger.alertId)) await onFailed(trigger)
      if (missing.size === 0 && answers.every(({ isDone }) => isDone)) return { kind: 'done' }
    } catch (error) {
      // Whatever else is wrong, it ends with the time and not only with the stream.
      if (!isUnavailable(error) && ageMs < GIVE_UP_MS) throw error
    }
    if (ageMs < GIVE_UP_MS) return { kind: 'again', afterMs: AGAIN_MS }
    for (const trigger of triggers) await onFailed(trigger)
    return { kind: 'done' }
  }
}

/** As notify reports its messages, so that an alert has one list of what its contacts were told. */
function toOutcomes({ alertId, calls }: AlertCalls): NotificationOutcome[] {
  return calls.map(({ contact, isPlaced, at }) => ({
    notificationId: '',
    correlationId: alertId,
    idempotencyKey: '',
    contact,
    channel: VOICE,
    carriedBy: VOICE,
    status: isPlaced ? OutcomeStatus.OUTCOME_STATUS_SENT : OutcomeStatus.OUTCOME_STATUS_FAILED,
    at,
    failure: '',
  }))
}

/** All calls of a flood's message; what is not done by then is asked for again. */
const ANNOUNCE_TIMEOUT_MS = 20_000

export function createAnnouncer(channel: RpcChannel, metrics: Metrics): VoiceCallsOptions['announce'] {
  const options = { timeoutMs: ANNOUNCE_TIMEOUT_MS, metrics }
  const maskcall = createRpcClient(MaskCallServiceDefinition, channel, options)
  return async (alerts) => {
    const named = alerts.map(({ alertId, userId }) => ({ alertId, userId }))
    return (await maskcall.announceAlerts({ alerts: named })).alerts
  }
}
