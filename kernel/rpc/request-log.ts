/**
 * One record a call: a unary call when it ends, a stream when it opens and
 * when it ends. A fault of ours is logged here, once, with its cause.
 */
import { Status } from 'nice-grpc-common'
import { ErrorReason } from '../error.ts'
import { errorOf } from '../error-table.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { WireError } from './error-wire.ts'
import { methodLabels, serverMetrics, statusName } from './rpc-metrics.ts'

export interface CallEnd {
  /** What the caller is told; undefined where the call went well. */
  readonly wire: WireError | undefined
  /** What was thrown. */
  readonly error: unknown
  readonly requestId: string
  readonly tripId: string | undefined
  /** Where the call is traced. */
  readonly traceId: string | undefined
}

export interface CallRecord {
  end(how: CallEnd): void
}

export interface RequestLog {
  begin(path: string, isStream: boolean): CallRecord
}

/** Statuses that an operator looks at, against those that only tell a caller its mistake. */
const NOTABLE = new Set([Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.UNKNOWN, Status.DATA_LOSS])

export function createRequestLog(log: Log, metrics: Metrics): RequestLog {
  const { seconds, streams, streamsEnded } = serverMetrics(metrics)

  return {
    begin(path, isStream) {
      const startMs = performance.now()
      const labels = methodLabels(path)
      if (isStream) {
        streams.inc(labels)
        log.info({ method: path }, 'stream opened')
      }
      return {
        end({ wire, error, requestId, tripId, traceId }) {
          const durationMs = performance.now() - startMs
          const status = wire?.code ?? Status.OK
          const code = statusName(status)
          if (isStream) {
            streams.dec(labels)
            streamsEnded.inc({ ...labels, code })
          } else {
            seconds.observe({ ...labels, code }, durationMs / 1000, traceId)
          }
          const record = {
            method: path,
            code,
            ...(wire === undefined ? {} : { reason: errorOf(wire.reason).name }),
            durationMs: Math.round(durationMs * 100) / 100,
            requestId,
            ...(tripId === undefined ? {} : { tripId }),
            ...(traceId === undefined ? {} : { traceId }),
          }
          const message = isStream ? 'stream ended' : 'call'
          if (wire?.reason === ErrorReason.ERROR_REASON_INTERNAL)
            log.error({ ...record, err: error }, message)
          else if (NOTABLE.has(status)) log.warn({ ...record, err: error }, message)
          else log.info(record, message)
        },
      }
    },
  }
}
