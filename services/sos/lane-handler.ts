/** Connect: one edge's lane. Each trigger is answered when its own legs have ended, in batches of what is ready. */
import { AlertStatus } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import type {
  ConnectRequest,
  ConnectResponse,
  LaneResult,
  LaneTrigger,
} from '@hushryd/gen/hushryd/sos/v1/lane.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import { type AlertId, readLocation, type Trigger } from './alert.ts'
import type { Answer } from './entry.ts'
import type { Intake } from './intake.ts'
import { checkIsEdge } from './rights.ts'
import { encodeLegs, encodeStatus } from './views.ts'

export interface LaneOptions {
  readonly intake: Pick<Intake, 'raise'>
  readonly log: Log
  readonly nowMs: () => number
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/
const BOOKING_CHARS_MAX = 64
/** An edge's clock is not ours; what it says of the time is believed within this. */
const CLOCK_SKEW_MS_MAX = 60_000
const RESULTS_MAX = 1_000

/** Throws INVALID_REQUEST for what the contract's rules would refuse; the stream is exempt from them. */
export function readTrigger(lane: LaneTrigger, nowMs: number): Trigger {
  const { alertId, userId, role, tripId, bookingId, location, receivedAt, traceparent } = lane
  if (!ID.test(alertId) || !ID.test(userId)) throw invalid('alert_id')
  // What is not the alert itself never keeps it out.
  const isTimely = receivedAt > nowMs - CLOCK_SKEW_MS_MAX && receivedAt <= nowMs
  return {
    alertId: alertId as AlertId,
    userId,
    role,
    tripId: ID.test(tripId) ? tripId : '',
    bookingId: bookingId.slice(0, BOOKING_CHARS_MAX),
    location: readLocation(location),
    receivedMs: isTimely ? receivedAt : nowMs,
    ...(traceparent === undefined ? {} : { traceparent }),
  }
}

export function createLane({ intake, log, nowMs }: LaneOptions) {
  return async function* connect(
    requests: AsyncIterable<ConnectRequest>,
    { caller, signal }: Pick<RpcContext, 'caller'> & { readonly signal: AbortSignal },
  ): AsyncGenerator<ConnectResponse> {
    checkIsEdge(caller)
    const ready: LaneResult[] = []
    let wake = Promise.withResolvers<void>()
    let open = 0
    let hasMore = true
    const push = (result: LaneResult): void => {
      open -= 1
      ready.push(result)
      wake.resolve()
    }
    const end = (): void => {
      hasMore = false
      wake.resolve()
    }

    async function read(): Promise<void> {
      for await (const { triggers } of requests) {
        const atMs = nowMs()
        open += triggers.length
        for (const lane of triggers) {
          try {
            intake.raise(readTrigger(lane, atMs), (answer) => push(encodeResult(lane.ref, answer)))
          } catch (error) {
            if (!(error instanceof DomainError)) throw error
            push(encodeResult(lane.ref, { kind: 'refused', error }))
          }
        }
      }
    }
    signal.addEventListener('abort', end, { once: true })
    read()
      .catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, 'the lane of an edge broke')
        open = 0
      })
      .finally(end)
    // Tells the edge that the lane stands.
    yield { results: [] }
    while (true) {
      await wake.promise
      wake = Promise.withResolvers<void>()
      while (ready.length > 0) {
        const results = ready.splice(0, RESULTS_MAX)
        yield { results }
      }
      // An edge that sends no more still gets its answers.
      if (signal.aborted || (!hasMore && open === 0)) return
    }
  }
}

function encodeResult(ref: number, answer: Answer): LaneResult {
  if (answer.kind === 'refused') {
    const { reason, message, retryAfterMs } = answer.error
    return {
      ref,
      error: { reason, message, retryAfterMs },
      alertId: '',
      status: AlertStatus.ALERT_STATUS_UNSPECIFIED,
      legs: undefined,
      triggeredAt: 0,
    }
  }
  const { alertId, status, legs, triggeredMs } = answer
  return {
    ref,
    error: undefined,
    alertId,
    status: encodeStatus(status),
    legs: encodeLegs(legs),
    triggeredAt: triggeredMs,
  }
}

function invalid(field: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, `${field} is no id.`, {
    violations: [{ field, description: 'is no id' }],
  })
}
