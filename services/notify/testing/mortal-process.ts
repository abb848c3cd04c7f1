/**
 * What notify does with the messages of its queue, on a real MongoDB, as a
 * process that may die between any two of its steps, and whose MongoDB may
 * fail before or after it has done a thing. A dead process gets no answer and
 * does nothing more; what it had in memory is gone.
 */
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import type { MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { PublishedBatch } from '@hushryd/kernel/stores/published-batch.ts'
import { storeAway } from '@hushryd/kernel/stores/store-error.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { DeliveryCounts } from '../delivery-counts.ts'
import { createNotifyEvents } from '../events.ts'
import { Expander } from '../expander.ts'
import { Handovers, LEASE_MS } from '../handover.ts'
import type { Notification } from '../notification.ts'
import { PLAN_LIMITS } from '../plan.ts'
import type { OutgoingMessage, Provider } from '../provider.ts'
import { ProviderLink } from '../provider-link.ts'
import { QueueWorker } from '../queue-worker.ts'
import { type EarlyDocument, earlyReceiptsSpec, Receipts } from '../receipts.ts'
import type { Recipients } from '../recipients.ts'
import { RecordStore } from '../record-store.ts'
import { Records } from '../records.ts'
import { Sender } from '../sender.ts'
import { type SuppressionDocument, Suppressions, suppressionsSpec } from '../suppressions.ts'
import type { Templates } from '../template-files.ts'

/** What becomes of one operation of MongoDB: `lost` is done, but the answer says that it failed. */
export type Fate = 'ok' | 'fails' | 'lost'

/** Everything that outlives a process. */
export interface Surroundings {
  readonly mongo: MongoLink
  readonly recipients: Recipients
  readonly templates: Templates
  readonly ring: KeyRing
  /** Messages that nobody has acknowledged, by notification. */
  readonly queue: Map<string, Notification>
  /** What providers were handed. */
  readonly handedOver: OutgoingMessage[]
  nowMs: number
}

export interface Mortality {
  readonly fates: readonly Fate[]
  /** The process dies at this moment of its life, of which each step has two; undefined: it lives on. */
  readonly diesAt: number | undefined
}

const PLACES_MAX = 20

const never = new Promise<never>(() => undefined)

class Life {
  readonly died: Promise<void>
  isAlive = true
  readonly #die: () => void
  readonly #diesAt: number
  #moments = 0

  constructor(diesAt = Number.POSITIVE_INFINITY) {
    this.#diesAt = diesAt
    const { promise, resolve } = Promise.withResolvers<void>()
    this.died = promise
    this.#die = resolve
  }

  /** One thing outside of the process, which may still be done when the answer meets nobody any more. */
  async step<T>(work: () => Promise<T> | T): Promise<T> {
    await this.#live()
    const result = await work()
    await this.#live()
    return result
  }

  async #live(): Promise<void> {
    this.#moments += 1
    if (this.#moments >= this.#diesAt) {
      this.isAlive = false
      this.#die()
    }
    if (!this.isAlive) await never
  }
}

class MortalStore extends RecordStore {
  readonly #life: Life
  readonly #fates: Iterator<Fate>

  constructor(mongo: MongoLink, life: Life, fates: readonly Fate[]) {
    super(mongo, PLACES_MAX)
    this.#life = life
    this.#fates = fates[Symbol.iterator]()
  }

  override async run<T>(work: () => Promise<T>): Promise<T> {
    return await this.#life.step(async () => {
      const fate = this.#fates.next().value ?? 'ok'
      if (fate === 'fails') throw storeAway('mongo')
      const result = await super.run(work)
      if (fate === 'lost') throw storeAway('mongo')
      return result
    })
  }
}

function createProvider(
  { name, channel }: Pick<Provider, 'name' | 'channel'>,
  { handedOver }: Surroundings,
  life: Life,
): Provider {
  return {
    name,
    channel,
    // Taken is the end here: receipts are another matter.
    hasReceipts: false,
    send: (message) =>
      life.step(() => ({ kind: 'accepted' as const, providerId: `taken-${handedOver.push(message)}` })),
  }
}

export class MortalProcess {
  readonly records: Records
  readonly #surroundings: Surroundings
  readonly #life: Life
  readonly #sender: Sender
  readonly #worker: QueueWorker
  #claims = 0

  constructor(surroundings: Surroundings, { fates, diesAt }: Mortality) {
    const { mongo, recipients, templates, ring } = surroundings
    const nowMs = (): number => {
      // No two things happen at the same time.
      surroundings.nowMs += 1
      return surroundings.nowMs
    }
    this.#surroundings = surroundings
    this.#life = new Life(diesAt)
    const { log } = createMemoryLog()
    const events = createNotifyEvents(log, createMetrics('test'), new DeliveryCounts(nowMs))
    const store = new MortalStore(mongo, this.#life, fates)
    this.records = new Records({ store, tell: async () => [], onKept: events.kept, nowMs })
    const parts = { records: this.records, store, recipients, templates, ring, events, nowMs }
    const limits = PLAN_LIMITS
    const suppressions = new Suppressions({
      ...parts,
      collection: mongo.db.collection<SuppressionDocument>(suppressionsSpec.name),
      lastsMs: 1,
    })
    const publisher: JetStreamPublisher = {
      inFlight: 0,
      publish: async () => undefined,
      publishAll: () => new PublishedBatch(0),
      [Symbol.dispose]: () => undefined,
    }
    const early = mongo.db.collection<EarlyDocument>(earlyReceiptsSpec.name)
    const providers = [
      createProvider({ name: 'twilio', channel: 'sms' }, surroundings, this.#life),
      createProvider({ name: 'whatsapp', channel: 'whatsapp' }, surroundings, this.#life),
    ]
    const bounds = { concurrencyMax: 100, ratePerSecond: 10_000, failuresMax: 5, openMs: 1_000, events }
    const links = new Map(
      providers.map((provider) => [provider.name, new ProviderLink(provider, bounds)] as const),
    )
    this.#sender = new Sender({
      ...parts,
      suppressions,
      receipts: new Receipts({ ...parts, early, suppressions, publisher, namespace: '' }),
      handovers: new Handovers({ ...parts, suppressions }),
      expander: new Expander({ ...parts, limits }),
      links,
      limits,
      quietHours: { zone: 'Asia/Kolkata', fromMinute: 0, toMinute: 0 },
    })
    this.#worker = new QueueWorker({ ...parts, sender: this.#sender, log })
  }

  get isAlive(): boolean {
    return this.#life.isAlive
  }

  /** Hands the messages to workers, all at once; resolves when they are done or the process has died. */
  async drain(messages: readonly Notification[]): Promise<void> {
    await this.#untilDeath(Promise.all(messages.map((message) => this.#take(message))))
  }

  /** Brings to MongoDB what it could not take, and goes on with what is due, until nothing is. */
  async tick(): Promise<void> {
    await this.#untilDeath(this.#takeDue())
  }

  async #take(notification: Notification): Promise<void> {
    const { queue } = this.#surroundings
    await this.#worker.work(notification, {
      info: { deliveryCount: 1 },
      ack: () => void (this.isAlive && queue.delete(notification.id)),
      nak: () => undefined,
      working: () => undefined,
    })
  }

  async #takeDue(): Promise<void> {
    await this.records.storeKept()
    for (;;) {
      this.#claims += 1
      const { nowMs } = this.#surroundings
      const lease = `${this.#claims}-${Math.random()}`
      const claim = { priority: 'high' as const, nowMs, leaseUntilMs: nowMs + LEASE_MS, lease }
      const due = await this.records.claimDue(claim).catch(() => undefined)
      if (due === undefined) return
      await this.#sender.advance(due)
    }
  }

  async #untilDeath(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.#life.died])
  }
}
