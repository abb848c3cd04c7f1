/**
 * What the pods tell each other and the history, by NATS.
 *
 * Out: one JetStream message a partition and flush. While NATS is away they
 * wait here, bounded in count and bytes, oldest dropped first, and go out after
 * the reconnect under the same Nats-Msg-Id.
 * In: core subscriptions to the partitions of this pod's followers. What is
 * missed there is not made up for: the next position is newer anyway.
 */

import type { Log } from '@hushryd/kernel/log.ts'
import type { NatsLink, NatsSubscription } from '@hushryd/kernel/stores/nats.ts'
import type { LocationEvents } from './events.ts'
import { partitionSubject } from './location-stream.ts'

/** The part of the kernel's JetStreamPublisher that this needs. */
export type PublishStored = (subject: string, data: Uint8Array, options: { msgId: string }) => Promise<void>

export interface FeedOptions {
  readonly link: NatsLink
  readonly publishStored: PublishStored
  /** Of this process's life, so that message ids never repeat. */
  readonly podId: string
  readonly onMessage: (data: Uint8Array) => void
  readonly events: LocationEvents
  readonly log: Log
  readonly waitingMax: number
  readonly waitingBytesMax: number
}

export interface Feed extends AsyncDisposable {
  /** Resolves once JetStream has all messages, or they wait in the retry queue. */
  publish(partition: number, messages: readonly Uint8Array[]): Promise<void>
  /** Resolves once the server knows of the subscription, or is away. Counted: each listen has its unlisten. */
  listen(partition: number): Promise<void>
  unlisten(partition: number): void
  readonly waiting: number
}

interface Message {
  readonly subject: string
  readonly data: Uint8Array
  readonly msgId: string
}

/** A flush is taken for safely queued when JetStream has not answered by then. */
const SETTLE_MAX_MS = 1_000
const RETRY_EVERY_MS = 250
/** Republished at once; the flow of new positions goes first. */
const RETRY_BATCH = 64
const LISTEN_MAX_MS = 250

interface Listening {
  count: number
  readonly subscription: NatsSubscription
  readonly ready: Promise<void>
}

export function openFeed(options: FeedOptions): Feed {
  const { link, publishStored, podId, onMessage, events, log } = options
  const listening = new Map<number, Listening>()
  let waiting: Message[] = []
  let waitingBytes = 0
  let lastId = 0
  let isDropping = false
  let isRetrying = false
  const underWay = new Set<Promise<boolean>>()

  function park(message: Message): void {
    waiting.push(message)
    waitingBytes += message.data.length
    let dropped = 0
    while (waiting.length - dropped > options.waitingMax || waitingBytes > options.waitingBytesMax) {
      waitingBytes -= waiting[dropped]?.data.length ?? 0
      dropped++
    }
    if (dropped === 0) return
    waiting = waiting.slice(dropped)
    events.feedDropped(dropped)
    if (!isDropping) log.warn('the retry queue for JetStream is full: the history loses its oldest flushes')
    isDropping = true
  }

  function send(message: Message): Promise<boolean> {
    const sent = publishStored(message.subject, message.data, { msgId: message.msgId }).then(
      () => true,
      () => {
        // Whatever the reason was, the message is ours until JetStream has it.
        park(message)
        return false
      },
    )
    underWay.add(sent)
    void sent.then(() => underWay.delete(sent))
    return sent
  }

  async function retry(): Promise<void> {
    if (isRetrying || waiting.length === 0 || !link.isConnected) return
    isRetrying = true
    try {
      let isGoing = true
      while (isGoing && waiting.length > 0) {
        const batch = waiting.splice(0, RETRY_BATCH)
        for (const { data } of batch) waitingBytes -= data.length
        const sent = await Promise.all(batch.map(send))
        isGoing = sent.every((done) => done)
      }
      if (waiting.length === 0) isDropping = false
    } finally {
      isRetrying = false
    }
  }

  const timer = setInterval(() => void retry(), RETRY_EVERY_MS)

  /** Subscriptions and pings keep their order, so the answer says that the server has it. */
  async function reachServer(): Promise<void> {
    const { connection } = link
    if (connection === undefined || !link.isConnected) return
    // A connection that breaks meanwhile brings its subscriptions back by itself.
    await within(
      connection.flush().catch(() => undefined),
      LISTEN_MAX_MS,
    )
  }

  return {
    get waiting() {
      return waiting.length
    },
    async publish(partition, messages) {
      const sent: Promise<boolean>[] = []
      for (const data of messages) {
        lastId++
        sent.push(send({ subject: partitionSubject(partition), data, msgId: `${podId}-${lastId}` }))
      }
      await within(Promise.all(sent), SETTLE_MAX_MS)
    },
    listen(partition) {
      const held = listening.get(partition)
      if (held !== undefined) {
        held.count++
        return held.ready
      }
      const subscription = link.subscribe(partitionSubject(partition), (message) => onMessage(message.data))
      const ready = reachServer()
      listening.set(partition, { count: 1, subscription, ready })
      return ready
    },
    unlisten(partition) {
      const held = listening.get(partition)
      if (held === undefined) return
      held.count--
      if (held.count > 0) return
      listening.delete(partition)
      held.subscription.close()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      for (const { subscription } of listening.values()) subscription.close()
      listening.clear()
      await within(Promise.all(underWay), SETTLE_MAX_MS)
      await within(retry(), SETTLE_MAX_MS)
    },
  }
}

/** Resolves with the work, or when the time is over. */
async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const bound = setTimeout(resolve, ms)
  void work.then(() => resolve())
  await promise
  clearTimeout(bound)
}
