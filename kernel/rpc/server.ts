/**
 * A gRPC server of the contract. A call passes, in this order: log and
 * metrics, error mapping, caller and audience, deadline, the contract's rules,
 * handler. Health and reflection are open to everyone.
 */

import {
  type CallContext,
  createServer,
  type ServiceImplementation,
  type TsProtoServiceDefinition,
} from 'nice-grpc'
import { HealthDefinition, HealthServiceImpl, HealthState } from 'nice-grpc-server-health'
import { ServerReflection, ServerReflectionService } from 'nice-grpc-server-reflection'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Caller, PeerTrust } from './caller.ts'
import { deadlineInterceptor } from './deadline.ts'
import { descriptors } from './descriptors.ts'
import { FLOW_WINDOW_BYTES, MESSAGE_BYTES_MAX } from './message-limits.ts'
import { createRequestLog } from './request-log.ts'
import { describeService, type ServedMethod } from './served-method.ts'
import { createCallMiddleware } from './server-call.ts'
import { createStreamStopper } from './stream-stopper.ts'

/** What a handler gets beside nice-grpc's own context. */
export interface RpcContext {
  readonly caller: Caller
  /** The process at the other end, such as `edge`. */
  readonly peerName: string
  readonly requestId: string
  /** By when the handler has to be done, milliseconds since 1970; undefined for a stream without deadline. */
  readonly deadlineMs: number | undefined
}

export type RpcCallContext = CallContext & RpcContext

export type AddService = <S extends TsProtoServiceDefinition>(
  definition: S,
  implementation: ServiceImplementation<S, RpcContext>,
) => void

export interface RpcServerOptions {
  readonly name: string
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly trust: PeerTrust
  readonly log: Log
  readonly metrics: Metrics
  readonly register: (add: AddService) => void
  /** Connections are asked to reconnect after this; 0: never, as inside of a mesh, which balances by request. */
  readonly connectionAgeMaxMs?: number
  /** Calls of one connection at once, each of which costs memory; more of them wait at the caller. No bound where left out. */
  readonly streamsMax?: number
}

export interface RpcServer extends AsyncDisposable {
  readonly port: number
  /** What health checks answer; false from the start until the service says otherwise is the service's choice. */
  setServing(isServing: boolean): void
  /** Streams end at once, so that their clients go elsewhere; unary calls have the grace to finish. */
  stop(graceMs: number): Promise<void>
}

/** Finds peers that vanished without a word. */
const KEEPALIVE_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 20_000
const DISPOSE_GRACE_MS = 5000

export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { host, trust, log, metrics, register, connectionAgeMaxMs = 0, streamsMax } = options
  const server = createServer({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    'grpc-node.flow_control_window': FLOW_WINDOW_BYTES,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    ...(streamsMax === undefined ? {} : { 'grpc.max_concurrent_streams': streamsMax }),
    ...(connectionAgeMaxMs > 0 ? { 'grpc.max_connection_age_ms': connectionAgeMaxMs } : {}),
    interceptors: [deadlineInterceptor],
  })
  const served = new Map<string, ServedMethod>()
  const serviceNames: string[] = []
  const stopper = createStreamStopper()
  const requestLog = createRequestLog(log, metrics)

  register((definition, implementation) => {
    const { methods, grpcDefinition } = describeService(definition)
    for (const method of methods) served.set(method.path, method)
    serviceNames.push(definition.fullName)
    server
      .with(createCallMiddleware({ served, trust, requestLog, stopper }))
      // The definition below is the same one in nice-grpc's neutral form, method for method.
      .add(
        grpcDefinition,
        implementation as unknown as ServiceImplementation<typeof grpcDefinition, RpcContext>,
      )
  })

  const health = HealthState()
  const setServing = (isServing: boolean): void => {
    for (const service of ['', ...serviceNames])
      health.setStatus(isServing ? 'healthy' : 'unhealthy', service)
  }
  setServing(true)
  const open = server.with(stopper.middleware)
  open.add(HealthDefinition, HealthServiceImpl(health))
  open.add(
    ServerReflectionService,
    ServerReflection(descriptors().bytes, [...serviceNames, HealthDefinition.fullName]),
  )

  const port = await server.listen(`${host}:${options.port}`)
  log.info({ port }, 'gRPC server listens')

  let stopped: Promise<void> | undefined
  async function stopOnce(graceMs: number): Promise<void> {
    setServing(false)
    stopper.stop()
    let timer: NodeJS.Timeout | undefined
    const forced = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        log.warn({ graceMs }, 'calls outlived the grace and are cut off')
        server.forceShutdown()
        resolve()
      }, graceMs)
    })
    await Promise.race([server.shutdown(), forced])
    clearTimeout(timer)
  }
  const stop = async (graceMs: number): Promise<void> => {
    stopped ??= stopOnce(graceMs)
    await stopped
  }
  return { port, setServing, stop, [Symbol.asyncDispose]: () => stop(DISPOSE_GRACE_MS) }
}
