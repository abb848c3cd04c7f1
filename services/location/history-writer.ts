/**
 * From JetStream to MongoDB, in batches.
 *
 * A message is acknowledged only once MongoDB holds it, so nothing is lost and
 * something may come twice: what JetStream delivers again is first looked for.
 * While MongoDB is away messages wait in JetStream, and nothing more is pulled
 * than one batch a try.
 */
import type { Log } from '@hushryd/kernel/log.ts'
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { redeliverAfter } from '@hushryd/kernel/stores/jetstream.ts'
import type { HistoryConsumer, HistoryMessage } from './history-consumer.ts'
import type { HistoryEvents } from './history-events.ts'
import { type HistoryFix, readHistoryFixes, withoutRepeats } from './history-fixes.ts'
import type { HistoryLag } from './history-lag.ts'
import type { HistoryStore } from './history-store.ts'

export interface HistoryWriterOptions {
  readonly consumer: HistoryConsumer
  readonly store: HistoryStore
  readonly batchMax: number
  readonly events: HistoryEvents
  readonly lag: HistoryLag
  readonly log: Log
}

/** Before a message that could not be stored comes again. */
const AGAIN_AFTER_MS = 1_000
/** Where nothing came; a pull waits by itself. */
const IDLE_MS = 100
const BACKOFF_MAX_MS = 5_000
const NOTHING_KNOWN: ReadonlySet<string> = new Set()

/** Positions of one trip go into one bucket at once; which trip comes first does not matter. */
function byTrip(a: HistoryFix, b: HistoryFix): number {
  if (a.tripId !== b.tripId) return a.tripId < b.tripId ? -1 : 1
  return a.fix.timestampMs - b.fix.timestampMs
}

export function startHistoryWriter(options: HistoryWriterOptions): Loop {
  const { consumer, store, batchMax, events, lag, log } = options
  let isPrepared = false

  /** Undefined where it is no message of ours, which then never comes again. */
  function read(message: HistoryMessage): HistoryFix[] | undefined {
    try {
      return readHistoryFixes(message.data)
    } catch {
      events.unreadable()
      message.term('unreadable')
      return undefined
    }
  }

  async function storeFixes(fixes: readonly HistoryFix[], mayBeKnown: boolean): Promise<void> {
    const known = mayBeKnown ? await store.findKnown(fixes) : NOTHING_KNOWN
    const fresh = withoutRepeats(fixes, known).sort(byTrip)
    if (fresh.length < fixes.length) events.repeated(fixes.length - fresh.length)
    for (let from = 0; from < fresh.length; from += batchMax) {
      const batch = fresh.slice(from, from + batchMax)
      const startedMs = performance.now()
      const refused = await store.write(batch)
      events.wrote((performance.now() - startedMs) / 1000)
      events.stored(batch.length - refused)
      if (refused > 0) events.refused(refused)
    }
  }

  async function storeMessages(messages: readonly HistoryMessage[]): Promise<void> {
    const firsts: HistoryFix[] = []
    const agains: HistoryFix[] = []
    const readable: HistoryMessage[] = []
    for (const message of messages) {
      const fixes = read(message)
      if (fixes === undefined) continue
      readable.push(message)
      const to = message.redelivered ? agains : firsts
      for (const fix of fixes) to.push(fix)
    }
    try {
      if (firsts.length > 0) await storeFixes(firsts, false)
      if (agains.length > 0) await storeFixes(agains, true)
    } catch (error) {
      for (const message of readable) redeliverAfter(message, AGAIN_AFTER_MS)
      throw error
    }
    for (const message of readable) message.ack()
  }

  /** Answers whether there was something to write. */
  async function writeNext(signal: AbortSignal): Promise<boolean> {
    if (!isPrepared) await store.prepare()
    isPrepared = true
    const messages = await consumer.pull(signal)
    const last = messages.at(-1)
    if (last === undefined) return false
    lag.pulled(last.info.pending)
    await storeMessages(messages)
    lag.stored(last.time.getTime())
    return true
  }

  return startLoop({
    name: 'history-writer',
    everyMs: IDLE_MS,
    backoffMaxMs: BACKOFF_MAX_MS,
    log,
    async run(signal) {
      while ((await writeNext(signal)) && !signal.aborted);
    },
  })
}
