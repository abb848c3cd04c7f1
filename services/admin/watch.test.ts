/** WatchEvents over a log in memory: whoever comes when, everyone is shown everything once. */
import { WatchEventsResponse } from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { Event, Severity } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { FakeClock, settle } from '@hushryd/kernel/testing/fake-clock.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readEntry } from './entry.ts'
import type { EventFilter } from './filter.ts'
import type { LogRecord, LogState } from './log-stream.ts'
import { Tail } from './tail.ts'
import { RESUME_EVENTS_MAX, Watch } from './watch.ts'

const ALL: EventFilter = { types: [], regions: [], minSeverity: 0, tripId: '', userId: '', alertId: '' }
const FILTERS = [
  ALL,
  { ...ALL, types: ['sos'] },
  { ...ALL, types: ['trip', 'sos.resolved'] },
  { ...ALL, tripId: 'T2' },
]
const TYPES = ['sos.triggered', 'sos.resolved', 'trip.started', 'booking.created']
const READ_MAX = 7

class World {
  readonly clock = new FakeClock()
  readonly records: LogRecord[] = []
  tail = new Tail()
  isAlive = true
  logId = 'log-1'
  /** Where the log ends by JetStream, where that differs from what is here. */
  ends: number | undefined
  first = 1
  readonly watch: Watch

  constructor() {
    const world = this
    this.watch = new Watch({
      follower: {
        get log() {
          return { tail: world.tail, logId: world.logId }
        },
        get isAlive() {
          return world.isAlive
        },
      },
      stream: { state: async () => world.state(), read: (after, last) => world.read(after, last) },
      clock: this.clock,
      monotonicMs: () => this.clock.nowMs(),
      onBegun: () => undefined,
    })
  }

  get last(): number {
    return this.records.at(-1)?.sequence ?? 0
  }

  state(): LogState {
    return { logId: this.logId, first: this.first, last: this.ends ?? this.last }
  }

  async *read(after: number, last: number): AsyncGenerator<readonly LogRecord[]> {
    const found = this.records.filter(({ sequence }) => sequence > after && sequence <= last)
    for (let at = 0; at < found.length; at += READ_MAX) yield found.slice(at, at + READ_MAX)
  }

  write(type: string, isInMemory = true): void {
    const sequence = this.last + 1
    const event = Event.fromPartial({
      eventId: `e${sequence}`,
      type,
      severity: Severity.INFO,
      tripId: `T${sequence % 4}`,
    })
    const record = { sequence, recordedAtMs: this.clock.nowMs(), data: Event.encode(event).finish() }
    this.records.push(record)
    const entry = readEntry(record)
    if (!isInMemory || entry === undefined) return
    this.tail.append(entry)
    this.watch.appended()
  }

  /** Events that were in the log before this process came. */
  writeEarlier(count: number): void {
    for (let index = 0; index < count; index += 1) this.write(TYPES[index % TYPES.length] ?? '', false)
    this.tail = new Tail(this.last)
  }

  matching(filter: EventFilter, after: number): number[] {
    return this.records
      .map((record) => readEntry(record))
      .filter((entry) => entry !== undefined)
      .filter(({ sequence, facts }) => sequence > after && passesPlainly(filter, facts))
      .map(({ sequence }) => sequence)
  }
}

/** The same as the filter, said in another way. */
function passesPlainly(filter: EventFilter, facts: { type: string; tripId: string }): boolean {
  const isType =
    filter.types.length === 0 || filter.types.some((type) => `${facts.type}.`.startsWith(`${type}.`))
  return isType && ['', facts.tripId].includes(filter.tripId)
}

class Watcher {
  readonly messages: WatchEventsResponse[] = []
  readonly filter: EventFilter
  error: unknown
  readonly #stop = new AbortController()

  constructor(world: World, filter: EventFilter, afterSequence = 0, snapshotSize = 0) {
    this.filter = filter
    void this.#read(world.watch.follow({ filter, afterSequence, snapshotSize }, this.#stop.signal))
  }

  async #read(messages: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of messages) this.messages.push(WatchEventsResponse.decode(bytes))
    } catch (error) {
      this.error = error
    }
  }

  stop(): void {
    this.#stop.abort()
  }

  get sequences(): number[] {
    return this.messages.flatMap(({ events }) => events.map(({ sequence }) => sequence))
  }

  get last(): number {
    return this.messages.at(-1)?.sequence ?? 0
  }
}

function expectUnbroken({ messages }: Watcher): void {
  for (const [index, { previousSequence, sequence, events }] of messages.entries()) {
    if (index > 0) expect(previousSequence).toBe(messages[index - 1]?.sequence)
    for (const event of events) {
      expect(event.sequence).toBeGreaterThan(previousSequence)
      expect(event.sequence).toBeLessThanOrEqual(sequence)
    }
  }
  expect(messages.filter(({ caughtUp }) => caughtUp)).toHaveLength(1)
}

type Step =
  | { readonly do: 'write'; readonly types: readonly string[] }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'come'; readonly filter: number; readonly back: number }
  | { readonly do: 'go'; readonly who: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('write' as const),
    types: fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 30 }),
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 5_000 }) }),
  fc.record({
    do: fc.constant('come' as const),
    filter: fc.nat(FILTERS.length - 1),
    back: fc.nat(60),
  }),
  fc.record({ do: fc.constant('go' as const), who: fc.nat(5) }),
)

test('whoever comes when and from where, is shown everything that passes, once, in the order of the log', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40), fc.array(step, { maxLength: 30 }), async (earlier, steps) => {
      const world = new World()
      world.writeEarlier(earlier)
      const watchers: { readonly watcher: Watcher; readonly after: number }[] = []
      for (const each of steps) {
        if (each.do === 'write') for (const type of each.types) world.write(type)
        else if (each.do === 'wait') {
          await world.clock.advance(each.ms)
          world.watch.tick()
        } else if (each.do === 'come') {
          const after = Math.max(1, world.last - each.back)
          if (after > world.last) continue
          watchers.push({ watcher: new Watcher(world, FILTERS[each.filter] ?? ALL, after), after })
        } else {
          const [gone] = watchers.splice(each.who, 1)
          gone?.watcher.stop()
        }
      }
      await settle()
      await world.clock.advance(5_000)
      world.watch.tick()
      await settle()
      expect(world.watch.watchers).toBe(watchers.length)
      for (const { watcher, after } of watchers) {
        expect(watcher.error).toBeUndefined()
        expectUnbroken(watcher)
        expect(watcher.messages[0]?.previousSequence).toBe(after)
        expect(watcher.last).toBe(world.last)
        expect(watcher.sequences).toEqual(world.matching(watcher.filter, after))
        watcher.stop()
      }
      await settle()
      expect(world.watch.watchers).toBe(0)
    }),
    { numRuns: 150 },
  )
})

test('without a place a watcher begins with the newest that pass', async () => {
  const world = new World()
  for (let count = 0; count < 20; count += 1) world.write(TYPES[count % TYPES.length] ?? '')
  const watcher = new Watcher(world, { ...ALL, types: ['sos'] }, 0, 3)
  await settle()
  expect(watcher.sequences).toEqual(world.matching(watcher.filter, 0).slice(-3))
  expect(watcher.messages[0]?.logId).toBe('log-1')
  expectUnbroken(watcher)
})

test('a quiet log is told every few seconds, and one that cannot be read is not', async () => {
  const world = new World()
  const watcher = new Watcher(world, ALL)
  await settle()
  const before = watcher.messages.length
  world.isAlive = false
  await world.clock.advance(10_000)
  world.watch.tick()
  await settle()
  expect(watcher.messages).toHaveLength(before)
  world.isAlive = true
  world.watch.tick()
  await settle()
  expect(watcher.messages.slice(before)).toMatchObject([{ sequence: 0, previousSequence: 0, events: [] }])
})

test('what has left the log is named, and so is what is too much', async () => {
  const world = new World()
  world.writeEarlier(30)
  world.first = 21
  const watcher = new Watcher(world, ALL, 5)
  await settle()
  expect(watcher.messages[0]?.gap).toEqual({ firstSequence: 6, lastSequence: 20, logReplaced: false })
  expect(watcher.sequences).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30])
  expectUnbroken(watcher)

  world.ends = RESUME_EVENTS_MAX + 100
  world.tail = new Tail(world.ends)
  world.watch.restart()
  const far = new Watcher(world, ALL, 25)
  await settle()
  expect(far.messages[0]?.gap).toMatchObject({ firstSequence: 26, lastSequence: 100 })
})

test('a log that ends before the watcher’s place is another one: it begins anew, once that is sure', async () => {
  const world = new World()
  for (const type of TYPES) world.write(type)
  const watcher = new Watcher(world, ALL, 90)
  await settle()
  expect(watcher.messages).toEqual([])
  await world.clock.advance(10_000)
  await settle()
  expect(watcher.messages[0]?.gap).toMatchObject({ logReplaced: true })
  expect(watcher.sequences).toEqual([1, 2, 3, 4])
})

test('a watcher that reads nothing is given up, and the others see everything', async () => {
  const world = new World()
  const stop = new AbortController()
  const slow = world.watch.follow({ filter: ALL, afterSequence: 0, snapshotSize: 0 }, stop.signal)
  await slow.next()
  const other = new Watcher(world, ALL)
  await settle()
  const large = `a.${'x'.repeat(60_000)}`
  for (let count = 0; count < 100; count += 1) {
    world.write(large)
    await world.clock.advance(25)
  }
  expect(other.sequences).toHaveLength(100)
  await expect(slow.next()).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
})

test('when the tail begins anew watchers are told to watch again', async () => {
  const world = new World()
  const watcher = new Watcher(world, ALL)
  await settle()
  world.tail = new Tail(500)
  world.watch.restart()
  await settle()
  expect(watcher.error).toMatchObject({ reason: ErrorReason.ERROR_REASON_UNAVAILABLE })
})
