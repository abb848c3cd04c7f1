/** Deadlines travel along: each hop leaves a little for the way back, and refuses what cannot finish. */
import { ServerInterceptingCall, type ServerInterceptor, type Metadata as WireMetadata } from '@grpc/grpc-js'
import type { Metadata } from 'nice-grpc-common'
import { DomainError, ErrorReason } from '../error.ts'

/** For unary calls whose caller names no deadline. */
export const DEFAULT_DEADLINE_MS = 10_000
/** What a hop keeps of its caller's time for the answer's way back. */
const WAY_BACK_MS = 5
/** Less than this is not worth beginning. */
const WORK_MS_MIN = 2

/** Set by the interceptor below; whatever a caller sends under this name is replaced. */
const DEADLINE_KEY = 'x-hushryd-deadline-ms'

/** nice-grpc hides the call's deadline from middleware, so it is passed on as metadata. */
export const deadlineInterceptor: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMetadata(metadata: WireMetadata, forward: (metadata: WireMetadata) => void) {
          metadata.remove(DEADLINE_KEY)
          const deadline = Number(call.getDeadline())
          if (Number.isFinite(deadline)) metadata.set(DEADLINE_KEY, String(deadline))
          forward(metadata)
        },
      })
    },
  })

export function tooLate(): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
    'The work did not finish within the deadline.',
  )
}

/**
 * By when the handler has to be done, milliseconds since 1970: the caller's
 * deadline less the way back. A stream without deadline has none.
 */
export function readDeadline(metadata: Metadata, isUnary: boolean, nowMs: number): number | undefined {
  const given = Number(metadata.get(DEADLINE_KEY) ?? Number.NaN)
  if (Number.isNaN(given)) return isUnary ? nowMs + DEFAULT_DEADLINE_MS : undefined
  const deadlineMs = given - WAY_BACK_MS
  if (deadlineMs - nowMs < WORK_MS_MIN) throw tooLate()
  return deadlineMs
}
