/** Clients of the contract: deadlines, the process's credential, DomainErrors. No retries: see the method's own layer. */
import {
  type Channel,
  type Client,
  createChannel,
  createClientFactory,
  type TsProtoServiceDefinition,
} from 'nice-grpc'
import { type ClientMiddleware, Metadata, Status } from 'nice-grpc-common'
import { DomainError, ErrorReason } from '../error.ts'
import { errorOf } from '../error-table.ts'
import type { Metrics } from '../metrics.ts'
import { startSpan, TRACEPARENT } from '../tracing.ts'
import { CALLER_KEYS, type PeerCredential } from './caller.ts'
import { isAbortError, toDomainError } from './error-wire.ts'
import { FLOW_WINDOW_BYTES, MESSAGE_BYTES_MAX } from './message-limits.ts'
import { clientMetrics, methodLabels, statusName } from './rpc-metrics.ts'

export interface RpcChannel {
  readonly peer: PeerCredential
  readonly size: number
  /** One of the connections, by number; 0 where left out. */
  channel(n?: number): Channel
  close(): void
}

export interface RpcChannelOptions {
  /** host:port */
  readonly address: string
  readonly peer: PeerCredential
  /** Connections to it; one where left out. */
  readonly channels?: number
}

/** More often, and servers answer GOAWAY "too many pings". */
const KEEPALIVE_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 10_000
/** A service that restarts is found again within this. */
const RECONNECT_MS_MIN = 100
const RECONNECT_MS_MAX = 2000
/** A peer that accepts TCP and then says nothing. */
const CONNECT_TIMEOUT_MS = 5000

export function openRpcChannel({ address, peer, channels: size = 1 }: RpcChannelOptions): RpcChannel {
  const channels = Array.from({ length: size }, () =>
    createChannel(address, undefined, {
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      'grpc-node.flow_control_window': FLOW_WINDOW_BYTES,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.initial_reconnect_backoff_ms': RECONNECT_MS_MIN,
      'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
      'grpc.min_reconnect_backoff_ms': CONNECT_TIMEOUT_MS,
      // Retries live at one layer, and it is not this one.
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      // Without it all channels to one address share a connection.
      'grpc.use_local_subchannel_pool': 1,
    }),
  )
  return {
    peer,
    size,
    channel(n = 0) {
      const channel = channels[n % size]
      if (channel === undefined) throw new Error(`no channel ${n} of ${size}`)
      return channel
    },
    close() {
      for (const channel of channels) channel.close()
    },
  }
}

export interface RpcCallOptions {
  /** Instead of the client's; streams have none unless it is given here. */
  readonly timeoutMs?: number
  /** The caller's own deadline, milliseconds since 1970: the call ends by then even where timeoutMs is longer. */
  readonly deadlineMs?: number | undefined
}

export type RpcClient<S extends TsProtoServiceDefinition> = Client<S, RpcCallOptions>

export interface RpcClientOptions {
  /** Of unary calls. */
  readonly timeoutMs: number
  readonly metrics?: Metrics
  /** Which of the channel's connections; 0 where left out. */
  readonly channel?: number
}

function timeoutOf(options: RpcCallOptions, defaultMs: number | undefined): number | undefined {
  const { timeoutMs = defaultMs, deadlineMs } = options
  if (deadlineMs === undefined) return timeoutMs
  const leftMs = deadlineMs - Date.now()
  return timeoutMs === undefined ? leftMs : Math.min(timeoutMs, leftMs)
}

/** gRPC's header holds at most eight digits. */
const GRPC_TIMEOUT_MS_MAX = 99_999_999

interface CallHeaders {
  readonly peer: PeerCredential
  readonly timeoutMs: number | undefined
  readonly traceparent: string | undefined
}

function callMetadata(given: Metadata | undefined, { peer, timeoutMs, traceparent }: CallHeaders): Metadata {
  const metadata = new Metadata(given)
  if (traceparent !== undefined) metadata.set(TRACEPARENT, traceparent)
  if (peer.key !== undefined) {
    metadata.set(CALLER_KEYS.peer, peer.name)
    metadata.set(CALLER_KEYS.peerKey, peer.key)
  }
  if (timeoutMs !== undefined) {
    // nice-grpc's clients keep deadlines to themselves; with the header the server knows them too.
    metadata.set('grpc-timeout', `${Math.min(Math.max(1, Math.floor(timeoutMs)), GRPC_TIMEOUT_MS_MAX)}m`)
  }
  return metadata
}

function tooLate(path: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED, `${path} did not answer in time.`)
}

function createMiddleware(peer: PeerCredential, options: RpcClientOptions): ClientMiddleware<RpcCallOptions> {
  const seconds = options.metrics === undefined ? undefined : clientMetrics(options.metrics)

  return async function* callService(call, { timeoutMs: ownTimeoutMs, deadlineMs, ...callOptions }) {
    const { path } = call.method
    const isStream = call.requestStream || call.responseStream
    const startMs = performance.now()
    const timeoutMs = timeoutOf(
      { ...(ownTimeoutMs === undefined ? {} : { timeoutMs: ownTimeoutMs }), deadlineMs },
      isStream ? undefined : options.timeoutMs,
    )
    const span = isStream
      ? undefined
      : startSpan(path.slice(1), {
          kind: 'client',
          attributes: { 'rpc.system.name': 'grpc', 'rpc.method': path.slice(1) },
        })
    const controller = new AbortController()
    const { signal } = callOptions
    const abort = (): void => controller.abort()
    let trailer: Metadata | undefined
    let isLate = false
    let status: Status = Status.OK
    let failure: string | undefined
    let timer: NodeJS.Timeout | undefined
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort)
    if (timeoutMs !== undefined) {
      timer = setTimeout(
        () => {
          isLate = true
          abort()
        },
        Math.max(0, timeoutMs),
      )
    }
    try {
      if (timeoutMs !== undefined && timeoutMs <= 0) throw tooLate(path)
      return yield* call.next(call.request, {
        ...callOptions,
        metadata: callMetadata(callOptions.metadata, { peer, timeoutMs, traceparent: span?.traceparent }),
        signal: controller.signal,
        onTrailer(received) {
          trailer = received
          callOptions.onTrailer?.(received)
        },
      })
    } catch (error) {
      const domainError = isLate && isAbortError(error) ? tooLate(path) : toDomainError(error, trailer)
      const { status: failed, name } = errorOf(domainError.reason)
      status = failed
      failure = name
      throw domainError
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      if (!isStream) {
        seconds?.observe(
          { ...methodLabels(path), code: statusName(status) },
          (performance.now() - startMs) / 1000,
          span?.traceId,
        )
      }
      span?.end(failure)
    }
  }
}

/** Calls fail with DomainError and nothing else. */
export function createRpcClient<S extends TsProtoServiceDefinition>(
  definition: S,
  rpcChannel: RpcChannel,
  options: RpcClientOptions,
): RpcClient<S> {
  return createClientFactory()
    .use(createMiddleware(rpcChannel.peer, options))
    .create(definition, rpcChannel.channel(options.channel))
}
