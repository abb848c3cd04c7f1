import type { LaneJoined } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Follower, Room, type TripPosition } from './room.ts'

const TRIP = 'trip'
const DRIVER = 'driver'

class FakeFollower implements Follower {
  readonly isJson = true
  readonly seen: number[] = []
  sendPosition({ timestampMs }: TripPosition): void {
    this.seen.push(timestampMs)
  }
}

function positionAt(timestampMs: number): Position {
  return { userId: DRIVER, lat: 0, lng: 0, accuracy: 0, speed: 0, heading: 0, timestampMs }
}

function live(timestampMs: number): TripPosition {
  return { tripId: TRIP, userId: DRIVER, timestampMs, binary: Buffer.alloc(0), json: undefined }
}

type Message =
  | { readonly kind: 'position'; readonly timestampMs: number }
  | { readonly kind: 'joined'; readonly join: Join; readonly answer: Pick<LaneJoined, 'latest' | 'missed'> }

interface Join {
  /** Undefined where the edge joins again by itself. */
  readonly follower: FakeFollower | undefined
  readonly sinceMs: number
}

/**
 * The other end as it is: a position is stored first and sent down later; a
 * join is registered first and its snapshot read later; the lane keeps order.
 */
class World {
  readonly room = new Room<FakeFollower>(TRIP)
  readonly followers = [new FakeFollower(), new FakeFollower(), new FakeFollower()]
  /** Of each follower that has its answer: from where on it must see everything. */
  readonly answered = new Map<FakeFollower, number>()
  readonly stored: number[] = []
  #unsent: number[] = []
  #isFollowed = false
  #asked: Join[] = []
  #registered: Join[] = []
  #lane: Message[] = []

  store(): void {
    // 1 is the time before all others.
    const timestampMs = (this.stored.at(-1) ?? 1) + 1
    this.stored.push(timestampMs)
    this.#unsent.push(timestampMs)
  }

  send(): void {
    const sent = this.#unsent.splice(0)
    if (this.#isFollowed)
      this.#lane.push(...sent.map((timestampMs) => ({ kind: 'position' as const, timestampMs })))
  }

  join(index: number, sinceMs: number): void {
    const follower = this.followers[index % this.followers.length]
    if (follower === undefined || this.room.isJoining(follower)) return
    follower.seen.length = 0
    this.answered.delete(follower)
    this.room.beginJoin(follower)
    this.#asked.push({ follower, sinceMs })
  }

  register(): void {
    const join = this.#asked.shift()
    if (join === undefined) return
    this.#isFollowed = true
    this.#registered.push(join)
  }

  answer(): void {
    const join = this.#registered.shift()
    if (join === undefined) return
    const { sinceMs } = join
    const newest = this.stored.at(-1)
    const missed = sinceMs === 0 ? [] : this.stored.filter((time) => time > sinceMs).map(positionAt)
    const latest = newest === undefined ? undefined : positionAt(newest)
    this.#lane.push({ kind: 'joined', join, answer: { latest, missed } })
  }

  arrive(): void {
    const message = this.#lane.shift()
    if (message === undefined) return
    if (message.kind === 'position') {
      this.room.deliver(live(message.timestampMs))
      return
    }
    const { join, answer } = message
    const times = [...answer.missed, ...(answer.latest === undefined ? [] : [answer.latest])].map(
      ({ timestampMs }) => timestampMs,
    )
    if (join.follower === undefined) {
      this.room.settleRejoin(times.map(live))
      return
    }
    const { follower } = join
    this.room.settleJoin(follower, answer, () => {
      follower.seen.push(...new Set(times))
      // With an empty store everything from the beginning has to come.
      this.answered.set(follower, times[0] ?? 0)
    })
  }

  /** All that was under way is gone; the edge asks again for what it follows and what waits. */
  lose(): void {
    const waiting = [
      ...this.#lane.flatMap((message) => (message.kind === 'joined' ? [message.join] : [])),
      ...this.#registered,
      ...this.#asked,
    ].filter(({ follower }) => follower !== undefined)
    this.#lane = []
    this.#registered = []
    this.#asked = []
    this.#isFollowed = false
    if (this.room.needsRejoin) {
      this.#asked.push({ follower: undefined, sinceMs: this.room.beginRejoin() })
    }
    this.#asked.push(...waiting)
  }

  settle(): void {
    while (this.#asked.length > 0) this.register()
    while (this.#registered.length > 0) this.answer()
    this.send()
    while (this.#lane.length > 0) this.arrive()
  }
}

const action = fc.oneof(
  { weight: 4, arbitrary: fc.constant(['store'] as const) },
  { weight: 3, arbitrary: fc.constant(['send'] as const) },
  { weight: 4, arbitrary: fc.constant(['arrive'] as const) },
  { weight: 2, arbitrary: fc.constant(['register'] as const) },
  { weight: 2, arbitrary: fc.constant(['answer'] as const) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('join' as const), fc.nat(2), fc.nat(20)) },
  { weight: 1, arbitrary: fc.constant(['lose'] as const) },
)

describe('a room', () => {
  /**
   * For any interleaving of positions, joins, joins again, snapshots and lost
   * lanes, and any delay between them: what a follower sees from its answer on
   * is every position from there on, once, in the order of time.
   */
  it('shows each follower everything since its snapshot, without gap, without repeat, in order', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120, size: 'max' }), (actions) => {
        const world = new World()
        for (const each of actions) {
          if (each[0] === 'join') world.join(each[1], each[2])
          else world[each[0]]()
        }
        world.settle()
        for (const [follower, fromMs] of world.answered) {
          expect(follower.seen).toEqual(world.stored.filter((time) => time >= fromMs))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('keeps a follower that asked again where the answer is that nobody is there', () => {
    const room = new Room<FakeFollower>(TRIP)
    const follower = new FakeFollower()
    room.beginJoin(follower)
    room.settleJoin(follower, { latest: undefined, missed: [] }, () => undefined)
    room.beginJoin(follower)
    room.deliver(live(1))
    room.refuseJoin(follower, true)
    room.deliver(live(2))
    expect(follower.seen).toEqual([1, 2])
  })

  it('tells where more came before the snapshot than it could hold', () => {
    const room = new Room<FakeFollower>(TRIP)
    const follower = new FakeFollower()
    room.beginJoin(follower)
    for (let time = 1; time <= 200; time += 1) room.deliver(live(time))
    const complete: boolean[] = []
    room.settleJoin(
      follower,
      { latest: positionAt(10), missed: [] },
      (isComplete) => void complete.push(isComplete),
    )
    expect(complete).toEqual([false])
    expect(follower.seen.at(-1)).toBe(200)
  })

  it('is empty once everyone has left', () => {
    const room = new Room<FakeFollower>(TRIP)
    const [a, b] = [new FakeFollower(), new FakeFollower()]
    for (const follower of [a, b]) room.beginJoin(follower)
    room.settleJoin(a, { latest: undefined, missed: [] }, () => undefined)
    room.leave(a)
    expect(room.isEmpty).toBe(false)
    room.leave(b)
    expect(room.isEmpty).toBe(true)
  })
})
