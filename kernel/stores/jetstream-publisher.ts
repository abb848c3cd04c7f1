/** A publisher to JetStream that is cheap a message. */
import { createInbox, headers, type Msg, type MsgHdrs } from '@nats-io/transport-node'
import type { Log } from '../log.ts'
import type { MetricSpec, Metrics } from '../metrics.ts'
import { TRACEPARENT, traced } from '../tracing.ts'
import type { NatsLink } from './nats.ts'
import { PublishedBatch } from './published-batch.ts'
import { storeAway } from './store-error.ts'

export interface JetStreamPublisherOptions {
  readonly log: Log
  readonly metrics: Metrics
  /** Messages that wait for their acknowledgement; past it publish() refuses. */
  readonly inFlightMax?: number
  /** A message without acknowledgement after this has failed, give or take SWEEP_MS. */
  readonly ackTimeoutMs?: number
}

export interface JetStreamPublisher extends Disposable {
  readonly inFlight: number
  /**
   * Resolves when JetStream has stored the message. Rejects with UNAVAILABLE
   * when it has not said so: NATS is away, the time is over, too many wait.
   * The message may still be stored then, so whoever repeats it gives a msgId.
   */
  publish(subject: string, data: Uint8Array, options?: JetStreamPublishOptions): Promise<void>
  /**
   * The same for many at a fraction of the price, outside of every trace. One
   * that cannot be encoded, is refused, has no acknowledgement in time or finds
   * no room fails by itself; the others are published and waited for.
   */
  publishAll<T>(items: readonly T[], encode: (item: T) => JetStreamMessage): PublishedBatch
}

export interface JetStreamMessage {
  readonly subject: string
  readonly data: Uint8Array
  readonly msgId: string
}

export interface JetStreamPublishOptions {
  readonly msgId?: string
  /** Of a message that is published outside of the work that it belongs to, as in a batch. */
  readonly traceparent?: string | undefined
}

export const JETSTREAM_IN_FLIGHT = {
  name: 'hushryd_jetstream_in_flight',
  help: 'Messages published to JetStream and not yet acknowledged.',
} satisfies MetricSpec

export const JETSTREAM_PUBLISHED = {
  name: 'hushryd_jetstream_published_total',
  help: 'Messages published to JetStream by how it ended.',
  labels: { outcome: ['stored', 'refused', 'timeout', 'disconnected', 'full'] },
} satisfies MetricSpec

const IN_FLIGHT_MAX = 20_000
const ACK_TIMEOUT_MS = 5000
/** One timer for all that wait, not one each. */
const SWEEP_MS = 250
/** JetStream drops a second message with the same value within its window. */
const MSG_ID_HEADER = 'Nats-Msg-Id'

interface Pending {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  readonly expiresMs: number
}

interface PendingBatch {
  readonly batch: PublishedBatch
  readonly expiresMs: number
}

/** In the subject of an answer between a batch and the place of the message in it. */
const PLACE = '.'

/** An acknowledgement starts with `{"stream"`, a refusal with `{"error"`. */
const QUOTED_S = 0x73

function headersOf(msgId: string | undefined, traceparent: string | undefined): MsgHdrs | undefined {
  if (msgId === undefined && traceparent === undefined) return undefined
  const head = headers()
  if (msgId !== undefined) head.set(MSG_ID_HEADER, msgId)
  if (traceparent !== undefined) head.set(TRACEPARENT, traceparent)
  return head
}

const LINE_BREAK = /[\r\n]/

/**
 * Headers that are used for one message after the other: the client encodes
 * them while it publishes, and headers of its own for each message would cost
 * as much as the rest of its publish.
 */
function sharedHeaders(): { readonly head: MsgHdrs; setId(msgId: string): void } {
  const head = headers()
  head.set(MSG_ID_HEADER, '')
  // The list that the headers themselves hold.
  const [[, values] = ['', []]] = head
  return {
    head,
    setId(msgId) {
      // As the client itself does: it would begin another header, or the message.
      if (LINE_BREAK.test(msgId)) throw new Error('an id of more than one line')
      values[0] = msgId
    },
  }
}

/** Why JetStream refused; undefined for an acknowledgement. */
function findRefusal(message: Msg): Error | undefined {
  const { data } = message
  if (data[2] === QUOTED_S) return undefined
  // Nobody listens to the subject: there is no stream, or JetStream is not up yet.
  if (data.length === 0)
    return new Error(`JetStream has no stream for the subject (${message.headers?.code ?? 0})`)
  const reply: unknown = message.json()
  const error = typeof reply === 'object' && reply !== null && 'error' in reply ? reply.error : undefined
  return error === undefined
    ? undefined
    : new Error(`JetStream refused the message: ${JSON.stringify(error)}`)
}

export function createJetStreamPublisher(
  link: NatsLink,
  options: JetStreamPublisherOptions,
): JetStreamPublisher {
  const { log, metrics, inFlightMax = IN_FLIGHT_MAX, ackTimeoutMs = ACK_TIMEOUT_MS } = options
  // Insertion order is the order of expiry.
  const pending = new Map<string, Pending>()
  const batches = new Map<string, PendingBatch>()
  /** Messages of batches that wait. */
  let batched = 0
  metrics.gauge(JETSTREAM_IN_FLIGHT, () => pending.size + batched)
  const published = metrics.counter(JETSTREAM_PUBLISHED)
  const stored = published.bind({ outcome: 'stored' })
  const refused = published.bind({ outcome: 'refused' })
  const timedOut = published.bind({ outcome: 'timeout' })
  const disconnected = published.bind({ outcome: 'disconnected' })
  const full = published.bind({ outcome: 'full' })
  const inbox = createInbox()
  const tokenAt = inbox.length + 1
  let lastToken = 0

  function onBatchReply(token: string, place: number, message: Msg): void {
    const waiting = batches.get(token)
    if (waiting === undefined) return
    const { batch } = waiting
    const isStored = findRefusal(message) === undefined
    if (!batch.settle(place, isStored)) return
    batched -= 1
    if (isStored) stored.inc()
    else refused.inc()
    if (batch.open === 0) batches.delete(token)
  }

  const subscription = link.subscribe(`${inbox}.>`, (message) => {
    const token = message.subject.slice(tokenAt)
    const placeAt = token.indexOf(PLACE)
    if (placeAt !== -1) {
      onBatchReply(token.slice(0, placeAt), Number(token.slice(placeAt + PLACE.length)), message)
      return
    }
    const waiting = pending.get(token)
    // Too late: it has already been reported as failed.
    if (waiting === undefined) return
    pending.delete(token)
    const refusal = findRefusal(message)
    if (refusal === undefined) {
      stored.inc()
      waiting.resolve()
    } else {
      refused.inc()
      waiting.reject(storeAway('nats', refusal))
    }
  })

  /** Answers how many messages of the batch had no outcome. */
  function giveUp(token: string): number {
    const given = batches.get(token)?.batch.giveUp() ?? 0
    batches.delete(token)
    batched -= given
    return given
  }

  const sweep = setInterval(() => {
    const nowMs = performance.now()
    for (const [token, waiting] of pending) {
      if (waiting.expiresMs > nowMs) break
      pending.delete(token)
      timedOut.inc()
      waiting.reject(storeAway('nats', new Error(`no acknowledgement within ${ackTimeoutMs} ms`)))
    }
    for (const [token, { expiresMs }] of batches) {
      if (expiresMs > nowMs) break
      timedOut.inc(giveUp(token))
    }
  }, SWEEP_MS)
  sweep.unref()

  function failAll(why: string): void {
    const inFlight = pending.size + batched
    if (inFlight === 0) return
    log.warn({ inFlight }, `JetStream messages failed: ${why}`)
    const waiting = [...pending.values()]
    pending.clear()
    for (const token of batches.keys()) giveUp(token)
    disconnected.inc(inFlight)
    const error = storeAway('nats', new Error(why))
    for (const each of waiting) each.reject(error)
  }
  const stopFollowing = link.onDisconnected(() => failAll('the connection was lost'))

  function store(subject: string, data: Uint8Array, head: MsgHdrs | undefined): Promise<void> {
    const { connection } = link
    if (connection === undefined || !link.isConnected) {
      disconnected.inc()
      return Promise.reject(storeAway('nats'))
    }
    if (pending.size + batched >= inFlightMax) {
      full.inc()
      return Promise.reject(storeAway('nats', new Error(`${inFlightMax} messages already wait`)))
    }
    lastToken += 1
    const token = lastToken.toString(36)
    const reply = `${inbox}.${token}`
    return new Promise<void>((resolve, reject) => {
      pending.set(token, { resolve, reject, expiresMs: performance.now() + ackTimeoutMs })
      try {
        connection.publish(subject, data, head === undefined ? { reply } : { reply, headers: head })
      } catch (error) {
        pending.delete(token)
        reject(storeAway('nats', error))
      }
    })
  }

  function publishAll<T>(items: readonly T[], encode: (item: T) => JetStreamMessage): PublishedBatch {
    const batch = new PublishedBatch(items.length)
    const { connection } = link
    if (connection === undefined || !link.isConnected) {
      disconnected.inc(batch.giveUp())
      return batch
    }
    lastToken += 1
    const token = lastToken.toString(36)
    const { head, setId } = sharedHeaders()
    batches.set(token, { batch, expiresMs: performance.now() + ackTimeoutMs })
    let unpublished = 0
    let lastError: unknown
    for (const [place, item] of items.entries()) {
      if (pending.size + batched >= inFlightMax) {
        full.inc()
        batch.settle(place, false)
        continue
      }
      try {
        const { subject, data, msgId } = encode(item)
        setId(msgId)
        connection.publish(subject, data, { reply: `${inbox}.${token}${PLACE}${place}`, headers: head })
        batched += 1
      } catch (error) {
        unpublished += 1
        lastError = error
        batch.settle(place, false)
      }
    }
    if (unpublished > 0)
      log.error({ err: lastError, unpublished }, 'messages of a batch could not be published')
    if (batch.open === 0) batches.delete(token)
    return batch
  }

  return {
    get inFlight() {
      return pending.size + batched
    },
    publish: (subject, data, { msgId, traceparent } = {}) =>
      traced(
        `publish ${subject}`,
        {
          kind: 'producer',
          parent: traceparent,
          attributes: { 'messaging.system': 'nats', 'messaging.destination.name': subject },
        },
        (span) => store(subject, data, headersOf(msgId, span?.traceparent)),
      ),
    publishAll,
    [Symbol.dispose]() {
      clearInterval(sweep)
      stopFollowing()
      subscription.close()
      failAll('the publisher closed')
    },
  }
}
