/**
 * The room's one connection, made of the SDK's parts: a socket that comes back
 * by itself, every method that operations may call, and their streams. Frames
 * are JSON, which a browser reads faster than anything that a page could.
 */
import { Calls } from '../../sdk/calls.ts'
import { jsonCodec } from '../../sdk/codec-json.ts'
import { Connection, type StateEvent } from '../../sdk/connection.ts'
import { callApi, streamApi } from '../../sdk/method-api.ts'
import { OpenWait } from '../../sdk/open-wait.ts'
import { createRest } from '../../sdk/rest.ts'
import { systemRuntime } from '../../sdk/runtime.ts'
import { SocketCalls } from '../../sdk/socket-calls.ts'
import { TokenSource } from '../../sdk/token.ts'
import { CALLS, STREAMS } from '../generated/methods.ts'
import type { CallApi, StreamApi, WelcomeFrame } from '../generated/types.ts'

export interface Operations {
  /** Over the socket, or over REST while there is none. */
  readonly call: CallApi
  /** Over REST always: for answers as large as a file, which would hold up what follows on the socket. */
  readonly fetch: CallApi
  readonly stream: StreamApi
  connect(): void
  close(): void
  /** Ends the wait before a reconnect. */
  wake(): void
}

export interface OperationsOptions {
  /** Edges, the one that served the page first: a socket whose edge is drained goes to the next. */
  readonly endpoints: readonly string[]
  readonly token: string
  readonly onState: (event: StateEvent) => void
  readonly onWelcome: (welcome: WelcomeFrame) => void
  /** Whatever came: a sign of life. */
  readonly onHeard: () => void
}

export function createOperations({
  endpoints,
  token,
  onState,
  onWelcome,
  onHeard,
}: OperationsOptions): Operations {
  const runtime = systemRuntime(undefined)
  const rest = createRest(runtime, new TokenSource(token))
  const openWait = new OpenWait(runtime)
  const connection: Connection = new Connection({
    runtime,
    codec: jsonCodec,
    endpoints,
    rest,
    onState(event) {
      onState(event)
      openWait.onState(event.state)
    },
    onOpen: onWelcome,
    onFrame(frame) {
      onHeard()
      socketCalls.onFrame(frame)
    },
    onGone: (socket) => socketCalls.onGone(socket),
    isInUse: (socket) => socketCalls.isInUse(socket),
  })
  const socketCalls = new SocketCalls({ runtime, codec: jsonCodec, send: (frame) => connection.send(frame) })
  const parts = { runtime, endpoints, rest, socketCalls }
  const calls = new Calls({ ...parts, openWait })
  const overRest = new Calls({ ...parts, openWait: new OpenWait(runtime) })
  return {
    call: callApi<CallApi>(calls, CALLS),
    fetch: callApi<CallApi>(overRest, CALLS),
    stream: streamApi<StreamApi>(calls, STREAMS),
    connect: () => connection.connect(),
    close: () => connection.close(),
    wake: () => connection.wake(),
  }
}
