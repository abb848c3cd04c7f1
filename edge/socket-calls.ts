/** `call` and `cancel` frames: the generic bridge to gRPC, one running call an id. */
import { randomUUID } from 'node:crypto'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { toDomainError } from '@hushryd/kernel/rpc/error-wire.ts'
import type { CallBridge } from './bridge/call.ts'
import type { Connection } from './connection.ts'
import type { EdgeEvents } from './events.ts'
import type { ClientMessage } from './frames/codec.ts'
import { CALLS_MAX, SOS_CALLS_MAX } from './limits.ts'
import type { Urgency } from './outbox.ts'
import { isSosMethod } from './sos-names.ts'

type CallMessage = ClientMessage & { readonly kind: 'call' }

export interface SocketCalls {
  /** Throws what the client did wrong; the answer comes later. */
  call(connection: Connection, message: CallMessage): void
  cancel(connection: Connection, id: string): void
}

/** Where a call's answers go. */
interface Answering {
  readonly connection: Connection
  readonly id: string
  readonly urgency: Urgency
}

export function createSocketCalls(options: {
  readonly bridge: CallBridge
  readonly events: EdgeEvents
  readonly log: Log
}): SocketCalls {
  const { bridge, events, log } = options

  function answer({ connection, id, urgency }: Answering, kind: 'result' | 'next', value: unknown): void {
    events.frameOut(kind)
    connection.write(connection.codec.encodeAnswer(id, kind, value), urgency)
  }

  async function stream(answering: Answering, values: AsyncIterable<unknown>): Promise<void> {
    const { connection, id, urgency } = answering
    for await (const value of values) {
      answer(answering, 'next', value)
      // A stream goes as fast as the socket takes it.
      await connection.writable()
    }
    connection.send({ id, frame: { $case: 'end', value: {} } }, urgency)
  }

  async function run(answering: Answering, message: CallMessage, signal: AbortSignal): Promise<void> {
    const { connection } = answering
    const { request, timeoutMs } = message
    const method = bridge.findMethod(message.method)
    if (method === undefined) {
      throw new DomainError(ErrorReason.ERROR_REASON_UNKNOWN_METHOD, 'No such method is exposed.')
    }
    const { identity, sessionHash } = connection
    const context = { caller: identity.caller, sessionHash, requestId: randomUUID(), timeoutMs, signal }
    if (connection.isJson) {
      if (method.isStream) await stream(answering, bridge.streamJson(method, request, context))
      else answer(answering, 'result', await bridge.callJson(method, request, context))
      return
    }
    if (!(request instanceof Uint8Array)) throw new Error('a binary call carries bytes')
    if (method.isStream) await stream(answering, bridge.streamBinary(method, request, context))
    else answer(answering, 'result', await bridge.callBinary(method, request, context))
  }

  async function settle(
    connection: Connection,
    message: CallMessage,
    controller: AbortController,
  ): Promise<void> {
    const { id } = message
    const isSos = isSosMethod(message.method)
    const urgency = isSos ? 'urgent' : 'ordered'
    if (isSos) connection.sosCalls += 1
    try {
      await run({ connection, id, urgency }, message, controller.signal)
    } catch (error) {
      if (!(error instanceof DomainError)) log.error({ err: error, method: message.method }, 'a call failed')
      connection.sendError(id, toDomainError(error), urgency)
    } finally {
      if (isSos) connection.sosCalls -= 1
      connection.calls?.delete(id)
    }
  }

  return {
    call(connection, message) {
      connection.calls ??= new Map()
      if (connection.calls.has(message.id)) {
        throw new DomainError(ErrorReason.ERROR_REASON_DUPLICATE_ID, 'A call with this id is still running.')
      }
      // Whatever else runs, there is room to raise an alert.
      const max = isSosMethod(message.method) ? CALLS_MAX + SOS_CALLS_MAX : CALLS_MAX
      if (connection.calls.size >= max) {
        throw new DomainError(
          ErrorReason.ERROR_REASON_LIMIT_REACHED,
          `At most ${CALLS_MAX} calls run at once on a connection.`,
        )
      }
      const controller = new AbortController()
      connection.calls.set(message.id, controller)
      void settle(connection, message, controller)
    },
    cancel(connection, id) {
      connection.calls?.get(id)?.abort()
    },
  }
}
