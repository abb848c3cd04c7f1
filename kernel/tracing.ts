/**
 * Traces: what one request did in every process that it came through. The
 * context travels as W3C traceparent, in gRPC metadata, in headers of NATS
 * messages, and in a field where one message is about several requests.
 *
 * Off, which is the default, a span costs one comparison. On, most requests
 * still make none: whether a request is traced is decided once, where it comes
 * in, and what has no traced parent makes no span. Attributes are a closed set
 * of names; ids may be values, people and places may not.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { DomainError } from './error.ts'
import { errorOf } from './error-table.ts'
import { redactText } from './log.ts'

/** The header, and the key in metadata: https://www.w3.org/TR/trace-context/ */
export const TRACEPARENT = 'traceparent'

export type TraceAttribute =
  | 'rpc.system.name'
  | 'rpc.method'
  | 'messaging.system'
  | 'messaging.destination.name'
  | 'db.system.name'
  | 'db.collection.name'
  | 'hushryd.request_id'
  | 'hushryd.trip_id'
  | 'hushryd.alert_id'
  | 'hushryd.notification_id'
  | 'hushryd.leg'
  | 'hushryd.priority'
  | 'hushryd.channel'
  | 'hushryd.provider'
  | 'hushryd.outcome'

export type TraceAttributes = Partial<Readonly<Record<TraceAttribute, string>>>

export interface TraceSpanOptions {
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  /**
   * `sampled` begins a trace for some, `urgent` for all but those of a flood.
   * Left out: the span is part of the trace that it is in, or is not made.
   */
  readonly root?: 'sampled' | 'urgent'
  /** From another process, in place of the span that the work is in; anything malformed counts as none. */
  readonly parent?: string | undefined
  readonly attributes?: TraceAttributes
  /** Milliseconds since 1970, for what began before; now where left out. */
  readonly startMs?: number
}

export interface TraceSpan {
  readonly traceId: string
  /** For whatever carries the trace on. */
  readonly traceparent: string
  note(attributes: TraceAttributes): void
  /** `failure`: a reason or a code, never a message, which may quote what somebody wrote. */
  end(failure?: string): void
}

export interface Tracing {
  readonly tracer: Tracer
  /** Of requests that begin a trace, from 0 to 1. */
  readonly ratio: number
}

/** Alerts are traced always; in a flood of thousands so many a second tell the same. */
const URGENT_PER_SECOND = 50

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const

/** As in OpenTelemetry's own API, the process has one tracer: handing it to every function would be all that they do. */
let tracing: Tracing | undefined
let urgentSecond = 0
let urgentTaken = 0
const active = new AsyncLocalStorage<TraceSpan>()

/** For the process's start, and for tests; answers how to turn it off again. */
export function turnTracingOn(made: Tracing): () => void {
  tracing = made
  return () => {
    if (tracing === made) tracing = undefined
  }
}

export function isTracing(): boolean {
  return tracing !== undefined
}

function takeUrgent(): boolean {
  const second = Math.floor(performance.now() / 1000)
  if (second !== urgentSecond) {
    urgentSecond = second
    urgentTaken = 0
  }
  urgentTaken += 1
  return urgentTaken <= URGENT_PER_SECOND
}

const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

function readTraceparent(text: string): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = FORM.exec(text) ?? []
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  const isSampled = (context.traceFlags & TraceFlags.SAMPLED) !== 0
  return isSampled && isSpanContextValid(context) ? context : undefined
}

function redact(attributes: TraceAttributes): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, redactText(value)]))
}

function spanOf(span: Span): TraceSpan {
  const { traceId, spanId } = span.spanContext()
  return {
    traceId,
    traceparent: `00-${traceId}-${spanId}-01`,
    note: (attributes) => void span.setAttributes(redact(attributes)),
    end(failure) {
      if (failure !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR })
        span.setAttribute('error.type', failure)
      }
      span.end()
    },
  }
}

/** Undefined where there is nothing to trace. */
export function startSpan(name: string, options: TraceSpanOptions = {}): TraceSpan | undefined {
  if (tracing === undefined) return undefined
  const { kind = 'internal', root, attributes = {}, startMs } = options
  const carried = options.parent ?? active.getStore()?.traceparent
  const parent = carried === undefined ? undefined : readTraceparent(carried)
  if (parent === undefined) {
    const isChosen = root === 'urgent' ? takeUrgent() : root === 'sampled' && Math.random() < tracing.ratio
    if (!isChosen) return undefined
  }
  const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)
  return spanOf(
    tracing.tracer.startSpan(
      name,
      {
        kind: KINDS[kind],
        attributes: redact(attributes),
        ...(startMs === undefined ? {} : { startTime: startMs }),
      },
      context,
    ),
  )
}

/** Everything that the work begins is part of the span. It does not end it. */
export function withinSpan<T>(span: TraceSpan | undefined, work: () => T): T {
  return span === undefined ? work() : active.run(span, work)
}

/** For work that is begun for one and done for many: else all of theirs would be in the trace of the first. */
export function outsideSpans<T>(work: () => T): T {
  return tracing === undefined ? work() : active.exit(work)
}

/** What another process has to be told; undefined where nothing is traced. */
export function activeTraceparent(): string | undefined {
  return tracing === undefined ? undefined : active.getStore()?.traceparent
}

/** For examples on histograms. */
export function activeTraceId(): string | undefined {
  return tracing === undefined ? undefined : active.getStore()?.traceId
}

/** What a span says of a failure. */
export function failureOf(error: unknown): string {
  if (error instanceof DomainError) return errorOf(error.reason).name
  return error instanceof Error ? error.name : 'unknown'
}

/** Runs the work in a span of its own, or just runs it. */
export function traced<T>(
  name: string,
  options: TraceSpanOptions,
  work: (span: TraceSpan | undefined) => Promise<T>,
): Promise<T> {
  const span = startSpan(name, options)
  return span === undefined ? work(undefined) : runTraced(span, work)
}

async function runTraced<T>(span: TraceSpan, work: (span: TraceSpan) => Promise<T>): Promise<T> {
  try {
    const result = await active.run(span, () => work(span))
    span.end()
    return result
  } catch (error) {
    span.end(failureOf(error))
    throw error
  }
}
