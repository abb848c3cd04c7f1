/**
 * Takes documents from the stream DOCS and runs them through the pipeline, a
 * bounded number at a time: that, and not the length of the queue, is what
 * this process's memory is made of.
 */
import type { Log } from '@hushryd/kernel/log.ts'
import { backoffMs, type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { ensureConsumer, redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import type { JsMsg } from '@nats-io/jetstream'
import type { DocsEvents } from './events.ts'
import type { Pipeline } from './pipeline.ts'
import type { ScannerWatch } from './scanner-watch.ts'
import { ACK_WAIT_MS, readWork, WORK_CONSUMER, workStream } from './work-stream.ts'

export interface WorkersOptions {
  readonly nats: NatsLink
  readonly namespace: string
  readonly workers: number
  readonly pipeline: Pick<Pipeline, 'run'>
  readonly scanner: Pick<ScannerWatch, 'up'>
  readonly events: DocsEvents
  readonly log: Log
}

const RECONNECT_MS = 500
const BACKOFF_MAX_MS = 2_000
/** JetStream takes no pull that waits shorter; it ends early when the process stops. */
const PULL_MS = 5_000
const AGAIN = { baseMs: 500, maxMs: 15_000, random: Math.random }
const STILL_AT_IT_MS = ACK_WAIT_MS / 3

export function startWorkers(options: WorkersOptions): readonly Loop[] {
  const { log, workers } = options
  return Array.from({ length: workers }, () =>
    startLoop({
      name: 'documents',
      everyMs: RECONNECT_MS,
      run: (signal) => work(options, signal),
      log,
      backoffMaxMs: BACKOFF_MAX_MS,
    }),
  )
}

/** Returns when the signal aborts; throws where NATS or the stream is away, for the loop to come back. */
async function work(options: WorkersOptions, signal: AbortSignal): Promise<void> {
  const { nats, namespace, scanner } = options
  const consumer = await ensureConsumer(nats, workStream(namespace), WORK_CONSUMER, signal)
  while (!signal.aborted) {
    await scanner.up(signal)
    if (signal.aborted) return
    const pulled = await consumer.fetch({ max_messages: 1, expires: PULL_MS })
    const end = (): void => void pulled.close()
    signal.addEventListener('abort', end, { once: true })
    try {
      for await (const message of pulled) await handle(options, message)
    } finally {
      signal.removeEventListener('abort', end)
    }
  }
}

async function handle({ pipeline, events }: WorkersOptions, message: JsMsg): Promise<void> {
  const document = readWork(message.data)
  if (document === undefined) {
    events.unreadableWork()
    message.term()
    return
  }
  const still = setInterval(() => message.working(), STILL_AT_IT_MS)
  try {
    await pipeline.run(document)
    message.ack()
  } catch (error) {
    const againMs = backoffMs(message.info.deliveryCount, AGAIN)
    events.worksAgain(document.id, error)
    redeliverAfter(message, againMs)
  } finally {
    clearInterval(still)
  }
}
