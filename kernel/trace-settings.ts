/**
 * What turns traces on. Every process has it without knowing, by lifecycle.ts;
 * what exports them is loaded only then.
 */
import { basename, dirname } from 'node:path'
import { type ConfigOf, optional, ratio, text, url } from './config.ts'

export const traceSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(
    url({
      protocols: ['http:', 'https:'],
      doc: 'OpenTelemetry collector, OTLP over HTTP, such as http://otel-collector:4318; without it there are no traces.',
    }),
  ),
  TRACE_SAMPLE_RATIO: ratio({
    default: 0.01,
    doc: 'Of the requests that come in, how many are traced. Alerts are always, but for a flood’s.',
  }),
  OTEL_SERVICE_NAME: optional(
    text({ doc: 'Name of the process in traces; after its folder where left out, such as sos.' }),
  ),
} as const

/** `services/location/history-main.ts` to `location-history`, `edge/main.ts` to `edge`. */
export function serviceNameOf(script: string): string {
  const part = basename(script).replace(/-?main\.\w+$/, '')
  const folder = basename(dirname(script))
  return part === '' ? folder : `${folder}-${part}`
}

export async function startTraces(
  config: ConfigOf<typeof traceSettings>,
  script: string,
): Promise<AsyncDisposable | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, TRACE_SAMPLE_RATIO, OTEL_SERVICE_NAME } = config
  if (endpoint === undefined) return undefined
  const { startTraceExport } = await import('./trace-export.ts')
  return startTraceExport({
    endpoint,
    ratio: TRACE_SAMPLE_RATIO,
    service: OTEL_SERVICE_NAME ?? serviceNameOf(script),
  })
}
