/** A server stream as `text/event-stream`. */

import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonValue } from '@bufbuild/protobuf'
import type { DomainError } from '@hushryd/kernel/error.ts'
import { toDomainError } from '@hushryd/kernel/rpc/error-wire.ts'
import type { JsonObject } from '../bridge/json-object.ts'
import { sharedText } from '../bridge/shared-answers.ts'
import type { Exchange } from './exchange.ts'
import type { OpenStream } from './open-streams.ts'
import { problemDocument } from './problem.ts'

/** Proxies and browsers then know that a quiet stream lives. */
const HEARTBEAT_MS = 15_000
/** Refusals come within this and get their own status; past it the stream begins, still empty. */
const FIRST_MESSAGE_MS = 500
/** A reader that takes nothing for so long is gone. */
const STALLED_MS_MAX = 30_000
/** Browsers come back after a time between this and twice as much, so that not all come at once. */
const RETRY_MS = 1000

/** `id:` is what the browser sends back as Last-Event-ID. */
function eventText(message: JsonObject, data: JsonValue): string {
  const { sequence } = message
  const id = typeof sequence === 'number' || typeof sequence === 'string' ? `id: ${sequence}\n` : ''
  return `${id}data: ${sharedText(data)}\n\n`
}

/** Resolves when more can be written or nobody is there; a stalled reader is cut off. */
async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => response.destroy(), STALLED_MS_MAX)
    const go = (): void => {
      clearTimeout(timer)
      response.off('drain', go)
      response.off('close', go)
      resolve()
    }
    response.once('drain', go)
    response.once('close', go)
  })
}

/** A rejection goes to the caller, whether it comes now or when the step is awaited. */
async function awaitBriefly(step: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const controller = new AbortController()
  try {
    await Promise.race([
      step,
      sleep(FIRST_MESSAGE_MS, undefined, { signal: AbortSignal.any([signal, controller.signal]) }),
    ])
  } finally {
    controller.abort()
  }
}

export interface EventStreamOptions {
  readonly exchange: Exchange
  readonly stream: OpenStream
  readonly messages: AsyncIterable<JsonObject>
  /** Of a message, what is sent. */
  readonly select: (message: JsonObject) => JsonValue
}

export async function sendEvents({ exchange, stream, messages, select }: EventStreamOptions): Promise<void> {
  const { response, requestId } = exchange
  const iterator = messages[Symbol.asyncIterator]()
  const failed = (error: unknown): DomainError => stream.endedBy ?? toDomainError(error)
  let heartbeat: NodeJS.Timeout | undefined
  try {
    const first = iterator.next()
    await awaitBriefly(first, stream.signal)
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would otherwise collect the events.
      'x-accel-buffering': 'no',
    })
    response.write(`retry: ${Math.round(RETRY_MS * (1 + Math.random()))}\n\n`)
    heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) response.write(':\n\n')
    }, HEARTBEAT_MS)
    for (let step = await first; !step.done; step = await iterator.next()) {
      if (!response.write(eventText(step.value, select(step.value)))) await drained(response)
    }
    response.end('event: end\ndata: {}\n\n')
  } catch (thrown) {
    const error = failed(thrown)
    if (!response.headersSent) throw error
    exchange.noteFailure(error)
    if (!response.destroyed) response.end(`event: error\ndata: ${problemDocument(error, requestId)}\n\n`)
  } finally {
    clearInterval(heartbeat)
    await iterator.return?.()
  }
}
