/**
 * Sends finished spans to an OpenTelemetry collector, in batches and beside the
 * work: while the collector is away they are dropped, and nobody waits.
 */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { turnTracingOn } from './tracing.ts'

export interface TraceExportOptions {
  /** Of the collector's OTLP over HTTP. */
  readonly endpoint: string
  /** Of requests that begin a trace, from 0 to 1. */
  readonly ratio: number
  readonly service: string
}

/** What waits in memory, some 2 KB each; past it spans are dropped. */
const SPANS_MAX = 8_192
const BATCH_MAX = 512
const SEND_EVERY_MS = 1_000
const SEND_TIMEOUT_MS = 2_000

export interface TraceExport extends AsyncDisposable {
  /** Sends what has ended so far. */
  flush(): Promise<void>
}

export function startTraceExport({ endpoint, ratio, service }: TraceExportOptions): TraceExport {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: SEND_TIMEOUT_MS,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.namespace': 'hushryd' }),
    // What reaches it has been chosen: kernel/tracing.ts.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: SPANS_MAX,
        maxExportBatchSize: BATCH_MAX,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: SEND_TIMEOUT_MS,
      }),
    ],
  })
  const turnOff = turnTracingOn({ tracer: provider.getTracer('hushryd'), ratio })
  // A collector that is away is no reason to end badly.
  const quietly = (work: Promise<void>): Promise<void> => work.catch(() => undefined)
  return {
    flush: () => quietly(provider.forceFlush({ timeoutMillis: SEND_TIMEOUT_MS })),
    async [Symbol.asyncDispose]() {
      turnOff()
      await quietly(provider.shutdown())
    },
  }
}
