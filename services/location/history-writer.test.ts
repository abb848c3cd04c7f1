/**
 * Invariant: whatever fails and however often JetStream delivers, every
 * position is stored once, and no message is acknowledged before its positions are.
 * Method: a consumer and a store with behaviour, and the real writer between them.
 */
import { FlushedPositions } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { storeAway } from '@hushryd/kernel/stores/store-error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { HistoryConsumer, HistoryMessage } from './history-consumer.ts'
import { createHistoryEvents } from './history-events.ts'
import { type HistoryFix, nameOf } from './history-fixes.ts'
import { HistoryLag } from './history-lag.ts'
import type { HistoryStore } from './history-store.ts'
import { startHistoryWriter } from './history-writer.ts'

const NOW = 1_700_000_000_000

function dataOf(times: readonly number[]): Uint8Array {
  const archived = times.map((timestampMs) => ({
    tripId: 'trip',
    position: { userId: 'd', lat: 1, lng: 2, accuracy: 0, speed: 0, heading: 0, timestampMs },
    suspect: false,
  }))
  return FlushedPositions.encode({ partition: 0, trips: [], archived }).finish()
}

/** Fails now and then, perhaps after it has stored a part. */
class FlakyStore implements HistoryStore {
  readonly names: string[] = []
  readonly #outcomes: ('ok' | 'away' | 'part')[]

  constructor(outcomes: readonly ('ok' | 'away' | 'part')[]) {
    this.#outcomes = [...outcomes]
  }

  async prepare(): Promise<void> {}

  async findKnown(): Promise<ReadonlySet<string>> {
    return new Set(this.names)
  }

  async write(fixes: readonly HistoryFix[]): Promise<number> {
    const outcome = this.#outcomes.shift() ?? 'ok'
    const taken = outcome === 'ok' ? fixes : outcome === 'part' ? fixes.slice(0, 1) : []
    for (const { tripId, fix } of taken) this.names.push(nameOf(tripId, fix.userId, fix.timestampMs))
    if (outcome !== 'ok') throw storeAway('mongo')
    return 0
  }
}

interface Held {
  readonly data: Uint8Array
  readonly times: readonly number[]
  deliveries: number
  state: 'waiting' | 'delivered' | 'acknowledged' | 'dropped'
}

/** Delivers again what was given back, and, where acknowledgements are lost, what was not. */
class MemoryConsumer implements HistoryConsumer {
  readonly held: Held[]
  readonly early: number[] = []
  readonly #store: FlakyStore
  readonly #lostAcks: boolean[]

  constructor(batches: readonly (readonly number[])[], store: FlakyStore, lostAcks: readonly boolean[]) {
    this.held = batches.map((times) => ({ data: dataOf(times), times, deliveries: 0, state: 'waiting' }))
    this.#store = store
    this.#lostAcks = [...lostAcks]
  }

  get isDone(): boolean {
    return this.held.every(({ state }) => state === 'acknowledged' || state === 'dropped')
  }

  async pull(): Promise<HistoryMessage[]> {
    return this.held
      .filter(({ state }) => state === 'waiting')
      .slice(0, 3)
      .map((held) => this.#deliver(held))
  }

  #deliver(held: Held): HistoryMessage {
    held.deliveries++
    held.state = 'delivered'
    return {
      data: held.data,
      redelivered: held.deliveries > 1,
      time: new Date(NOW),
      info: { pending: 0 },
      ack: () => {
        const stored = new Set(this.#store.names)
        this.early.push(...held.times.filter((time) => !stored.has(nameOf('trip', 'd', time))))
        held.state = this.#lostAcks.shift() === true ? 'waiting' : 'acknowledged'
      },
      nak: () => {
        held.state = 'waiting'
      },
      term: () => {
        held.state = 'dropped'
      },
    }
  }

  [Symbol.dispose](): void {}
}

async function write(consumer: MemoryConsumer, store: HistoryStore): Promise<void> {
  const metrics = createMetrics('test')
  const { log } = createMemoryLog()
  const events = createHistoryEvents(log, metrics)
  const lag = new HistoryLag(new FakeClock(NOW), metrics)
  await using _writer = startHistoryWriter({ consumer, store, batchMax: 3, events, lag, log })
  await until(() => consumer.isDone, { timeoutMs: 20_000, what: 'all messages written' })
}

it('stores every position once, and acknowledges only what is stored', async () => {
  const times = fc.uniqueArray(fc.integer({ min: NOW, max: NOW + 1_000 }), { minLength: 1, maxLength: 20 })
  const run = fc.record({
    times,
    size: fc.integer({ min: 1, max: 6 }),
    outcomes: fc.array(fc.constantFrom('ok' as const, 'away' as const, 'part' as const), { maxLength: 3 }),
    lostAcks: fc.array(fc.boolean(), { maxLength: 6 }),
  })
  await fc.assert(
    fc.asyncProperty(run, async ({ times: all, size, outcomes, lostAcks }) => {
      const batches = Array.from({ length: Math.ceil(all.length / size) }, (_, at) =>
        all.slice(at * size, (at + 1) * size),
      )
      const store = new FlakyStore(outcomes)
      const consumer = new MemoryConsumer(batches, store, lostAcks)
      await write(consumer, store)
      expect(store.names.toSorted()).toEqual(all.map((time) => nameOf('trip', 'd', time)).toSorted())
      expect(consumer.early).toEqual([])
    }),
    { numRuns: 15 },
  )
})

it('drops what cannot be read, and goes on', async () => {
  const store = new FlakyStore([])
  const consumer = new MemoryConsumer([[NOW], [NOW + 1]], store, [])
  consumer.held.unshift({ data: new Uint8Array([0x12, 0xff]), times: [], deliveries: 0, state: 'waiting' })
  await write(consumer, store)
  expect(consumer.held.map(({ state }) => state)).toEqual(['dropped', 'acknowledged', 'acknowledged'])
  expect(store.names).toHaveLength(2)
})
