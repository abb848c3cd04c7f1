/**
 * The way of one call through the server. One middleware and not five: each
 * async generator in the chain costs every message of every stream.
 */
import type { CallContext, ServerMiddleware } from 'nice-grpc-common'
import { DomainError, ErrorReason } from '../error.ts'
import { errorOf } from '../error-table.ts'
import { startSpan, TRACEPARENT, type TraceSpan, withinSpan } from '../tracing.ts'
import { checkAudience } from './audience.ts'
import { CALLER_KEYS, type PeerTrust, type ReadCaller, readCaller } from './caller.ts'
import { readDeadline, tooLate } from './deadline.ts'
import { ERROR_DETAILS_KEY } from './error-details.ts'
import { isAbortError, toServerError, type WireError } from './error-wire.ts'
import type { RequestLog } from './request-log.ts'
import type { ServedMethod } from './served-method.ts'
import type { RpcContext } from './server.ts'
import type { StreamStopper } from './stream-stopper.ts'

interface CallMiddlewareOptions {
  readonly served: ReadonlyMap<string, ServedMethod>
  readonly trust: PeerTrust
  readonly requestLog: RequestLog
  readonly stopper: StreamStopper
}

const TRIP_ID = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/

/** Only a well-formed one: the log is no place for what callers make up. */
function findTripId(request: unknown): string | undefined {
  if (typeof request !== 'object' || request === null || !('tripId' in request)) return undefined
  const { tripId } = request
  return typeof tripId === 'string' && TRIP_ID.test(tripId) ? tripId : undefined
}

/** The step's result, or DEADLINE_EXCEEDED when the time is over first; the signal tells the handler to give up. */
async function withinDeadline<T>(
  step: Promise<T>,
  deadlineMs: number,
  controller: AbortController,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(tooLate())
      controller.abort()
    }, deadlineMs - Date.now())
  })
  try {
    return await Promise.race([step, late])
  } finally {
    clearTimeout(timer)
  }
}

function abortWith(context: CallContext): AbortController {
  const controller = new AbortController()
  if (context.signal.aborted) controller.abort()
  else context.signal.addEventListener('abort', () => controller.abort(), { once: true })
  return controller
}

function goingAway(): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'This server is going away; connect again.')
}

/**
 * Of a unary call. The trace is the caller's where that is one of ours: what
 * strangers send would decide what is kept. HushRyd's own backend comes from
 * outside of every trace, so its calls begin some. Streams last for hours, and
 * have none.
 */
function startCallSpan(
  path: string,
  { peer, requestId }: ReadCaller,
  parent: string | undefined,
): TraceSpan | undefined {
  return startSpan(path.slice(1), {
    kind: 'server',
    parent: peer === undefined ? undefined : parent,
    ...(peer === 'backend' ? { root: 'sampled' } : {}),
    attributes: { 'rpc.system.name': 'grpc', 'rpc.method': path.slice(1), 'hushryd.request_id': requestId },
  })
}

export function createCallMiddleware(options: CallMiddlewareOptions): ServerMiddleware<RpcContext> {
  const { served, trust, requestLog, stopper } = options

  return async function* serveCall(call, context) {
    const { path } = call.method
    const isStream = call.requestStream || call.responseStream
    const record = requestLog.begin(path, isStream)
    const read = readCaller(context.metadata, trust)
    const { caller: claimed, peer, requestId } = read
    const span = isStream ? undefined : startCallSpan(path, read, context.metadata.get(TRACEPARENT))
    let wire: WireError | undefined
    let thrown: unknown
    let hasReturned = false
    let deadlineMs: number | undefined
    let controller: AbortController | undefined
    try {
      const method = served.get(path)
      if (method === undefined) throw new Error(`${path} is served without a description`)
      const caller = checkAudience(claimed, method.audiences)
      deadlineMs = readDeadline(context.metadata, !isStream, Date.now())
      if (!call.requestStream) method.check(call.request)

      controller = isStream ? stopper.open(context) : abortWith(context)
      const { signal } = controller
      const inner = { ...context, signal, caller, peerName: peer ?? '', requestId, deadlineMs }
      if (call.responseStream || deadlineMs === undefined) {
        const result = yield* call.next(call.request, inner)
        hasReturned = true
        return result
      }
      const first = withinSpan(span, () => call.next(call.request, inner).next())
      const step = await withinDeadline(first, deadlineMs, controller)
      hasReturned = true
      // A method without response stream never yields, so its first step is its answer.
      if (!step.done) throw new Error(`${path} yielded`)
      return step.value
    } catch (error) {
      thrown = error
      const isStopped = isAbortError(error) && stopper.isStopping && !context.signal.aborted
      const isLate = isAbortError(error) && deadlineMs !== undefined && Date.now() >= deadlineMs
      wire = toServerError(isStopped ? goingAway() : isLate ? tooLate() : error)
      context.trailer.set(ERROR_DETAILS_KEY, wire.detailsBin)
      throw wire
    } finally {
      if (controller !== undefined) stopper.close(controller)
      if (wire === undefined && !hasReturned && context.signal.aborted) {
        wire = toServerError(new DomainError(ErrorReason.ERROR_REASON_CANCELLED, 'The caller cancelled.'))
      }
      context.trailer.set(CALLER_KEYS.requestId, requestId)
      const tripId = call.requestStream ? undefined : findTripId(call.request)
      record.end({ wire, error: thrown, requestId, tripId, traceId: span?.traceId })
      span?.end(wire === undefined ? undefined : errorOf(wire.reason).name)
    }
  }
}
