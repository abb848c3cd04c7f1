/** What REST counts and logs: one record a request. */
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { errorOf } from '@hushryd/kernel/error-table.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'
import { exposedMethods } from '../bridge/exposed-methods.ts'
import { compileRoutes } from './routes.ts'

/** Of answers that are no method's. */
export const PAGE = 'page'
export const NOWHERE = 'none'

function routeNames(): readonly string[] {
  return [PAGE, NOWHERE, ...new Set(compileRoutes(exposedMethods()).map(({ template }) => template.text))]
}

export const REST_SECONDS = {
  name: 'hushryd_edge_rest_seconds',
  help: 'REST requests but streams: time to the whole answer. route is the path’s template in the contract.',
  labels: {
    route: routeNames(),
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    status: ['1xx', '2xx', '3xx', '4xx', '5xx'],
  },
} satisfies MetricSpec

export const REST_STREAMS = {
  name: 'hushryd_edge_rest_streams',
  help: 'Event streams open on this edge.',
} satisfies MetricSpec

export interface Answered {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly durationMs: number
  readonly requestId: string
  readonly isStream: boolean
  /** Undefined where the request went well. */
  readonly reason: ErrorReason | undefined
  /** What was thrown. */
  readonly error: unknown
}

export interface RestEvents {
  answered(how: Answered): void
}

export function createRestEvents(log: Log, metrics: Metrics): RestEvents {
  const seconds = metrics.histogram(REST_SECONDS)
  return {
    answered({ method, route, status, durationMs, requestId, isStream, reason, error }) {
      if (!isStream) {
        seconds.observe({ route, method, status: `${Math.floor(status / 100)}xx` }, durationMs / 1000)
      }
      const record = {
        method,
        route,
        status,
        ...(reason === undefined ? {} : { reason: errorOf(reason).name }),
        durationMs: Math.round(durationMs * 100) / 100,
        requestId,
      }
      const message = isStream ? 'event stream ended' : 'request'
      if (reason === ErrorReason.ERROR_REASON_INTERNAL) log.error({ ...record, err: error }, message)
      else if (status >= 500) log.warn({ ...record, err: error }, message)
      else if (route === PAGE) log.debug(record, message)
      else log.info(record, message)
    },
  }
}
