import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Balance, type NodeCount } from './balance.ts'

const TICK_MS = 1_000
/** A socket that is refused tries so many nodes at once, as a gateway does, and comes again in the next second. */
const TRIES = 4
const REFUSALS_PER_SECOND = 500
/** When an uneven fleet is given up, in seconds. */
const QUIET_TICKS_MAX = 600

interface Node {
  readonly edgeId: string
  readonly balance: Balance
  connections: number
  /** The last reports of the node, oldest first. */
  readonly reports: NodeCount[]
}

/** Seeded, so that a failing run can be repeated. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** A fleet in one-second steps, in which every node sees the others as they were some seconds ago. */
class Fleet {
  readonly nodes: Node[] = []
  readonly #random: () => number
  readonly #staleTicks: number
  #nowMs = 1_000_000
  waiting = 0
  moved = 0

  constructor(seed: number, staleTicks: number) {
    this.#random = randomOf(seed)
    this.#staleTicks = staleTicks
  }

  get connections(): number {
    return this.nodes.reduce((sum, node) => sum + node.connections, 0)
  }

  addNode(): void {
    const edgeId = `edge-${this.nodes.length}`
    this.nodes.push({
      edgeId,
      balance: new Balance(edgeId, REFUSALS_PER_SECOND),
      connections: 0,
      reports: [],
    })
  }

  /** Leaves nodes alone that have nobody. */
  leave(count: number, place: number): void {
    const node = this.nodes[place % this.nodes.length]
    if (node !== undefined) node.connections = Math.max(0, node.connections - count)
  }

  tick(): void {
    this.#nowMs += TICK_MS
    for (const { edgeId, connections, reports } of this.nodes) {
      reports.push({ edgeId, connections, draining: false, seenAt: this.#nowMs })
      if (reports.length > this.#staleTicks + 1) reports.shift()
    }
    const seen = this.nodes.map(({ reports }) => reports[0]).filter((report) => report !== undefined)
    for (const node of this.nodes) node.balance.update(seen, this.#nowMs)
    const arriving = this.waiting
    this.waiting = 0
    for (let index = 0; index < arriving; index += 1) if (!this.#arrive()) this.waiting += 1
    for (const node of this.nodes) {
      const count = node.balance.toMove({ own: node.connections, leaving: 0 }, this.#nowMs)
      node.connections -= count
      this.waiting += count
      this.moved += count
    }
  }

  #arrive(): boolean {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const node = this.nodes[Math.floor(this.#random() * this.nodes.length)]
      if (node === undefined || node.balance.refuses(node.connections, this.#nowMs)) continue
      node.connections += 1
      return true
    }
    return false
  }

  /** The furthest that a node is from the mean. */
  get unevenness(): number {
    const mean = this.connections / this.nodes.length
    return Math.max(...this.nodes.map(({ connections }) => Math.abs(connections - mean)))
  }
}

const step = fc.record({
  arrivals: fc.nat(2_000),
  leaving: fc.nat(1_000),
  place: fc.nat(20),
  isNewNode: fc.boolean(),
})

describe('Property 7: connections stay even', () => {
  /**
   * For any pattern of arrivals, departures and new nodes, with counts up to
   * three seconds old: once it is quiet, every node comes to within 10 % of
   * the mean (or 30 sockets, where those are more) and stays there, and nobody
   * waits outside.
   */
  it('within 10 % of the mean for any arrivals, departures and nodes that come, with stale counts', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(2),
        fc.array(step, { maxLength: 30, size: 'max' }),
        (seed, nodes, staleTicks, steps) => {
          const fleet = new Fleet(seed, staleTicks)
          for (let index = 0; index < nodes; index += 1) fleet.addNode()
          for (const { arrivals, leaving, place, isNewNode } of steps) {
            if (isNewNode && fleet.nodes.length < 12) fleet.addNode()
            fleet.waiting += arrivals
            fleet.leave(leaving, place)
            fleet.tick()
          }
          const isEven = (): boolean =>
            fleet.waiting === 0 &&
            fleet.unevenness <= Math.max((fleet.connections / fleet.nodes.length) * 0.1, 30)
          let evenTicks = 0
          for (let tick = 0; tick < QUIET_TICKS_MAX && evenTicks < 20; tick += 1) {
            fleet.tick()
            evenTicks = isEven() ? evenTicks + 1 : 0
          }
          expect(evenTicks).toBe(20)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('without moving anyone once it is even', () => {
    const fleet = new Fleet(1, 1)
    for (let index = 0; index < 6; index += 1) fleet.addNode()
    fleet.waiting = 60_000
    for (let tick = 0; tick < 100; tick += 1) fleet.tick()
    const { moved } = fleet
    for (let tick = 0; tick < 100; tick += 1) fleet.tick()
    expect(fleet.moved).toBe(moved)
  })

  it('after scale-out, each surplus socket moving about once and not faster than one in a hundred a second', () => {
    const fleet = new Fleet(7, 1)
    for (let index = 0; index < 5; index += 1) fleet.addNode()
    fleet.waiting = 50_000
    for (let tick = 0; tick < 60; tick += 1) fleet.tick()
    fleet.addNode()
    let before = fleet.moved
    const start = before
    for (let tick = 0; tick < 300; tick += 1) {
      fleet.tick()
      expect(fleet.moved - before).toBeLessThanOrEqual(50_000 / 100 + fleet.nodes.length)
      before = fleet.moved
    }
    const surplus = 50_000 / 6
    expect(fleet.unevenness).toBeLessThanOrEqual(surplus * 0.1)
    expect(fleet.moved - start).toBeLessThan(surplus * 1.3)
  })
})

describe('a node', () => {
  const at = (edgeId: string, connections: number, seenAt: number, draining = false): NodeCount => ({
    edgeId,
    connections,
    draining,
    seenAt,
  })

  it('that is alone, or whose others drain, never refuses', () => {
    const balance = new Balance('a', REFUSALS_PER_SECOND)
    balance.update([at('a', 900, 1), at('b', 0, 1, true)], 1_000)
    expect(balance.refuses(900, 1_000)).toBe(false)
    expect(balance.toMove({ own: 900, leaving: 0 }, 1_000)).toBe(0)
  })

  it('refuses above the mean by more than 20 sockets or 5 %, and not below', () => {
    const refusesAt = (own: number, other: number): boolean => {
      const balance = new Balance('a', REFUSALS_PER_SECOND)
      balance.update([at('a', own, 1), at('b', other, 1)], 1_000)
      return balance.refuses(own, 1_000)
    }
    expect([0, 100, 140, 141].map((own) => refusesAt(own, 100))).toEqual([false, false, false, true])
    expect([2_000, 2_210, 2_211].map((own) => refusesAt(own, 2_000))).toEqual([false, false, true])
  })

  it('takes the others to have grown as it has since their reports, within limits', () => {
    const balance = new Balance('a', REFUSALS_PER_SECOND)
    balance.update([at('a', 100, 1), at('b', 0, 1)], 1_000)
    balance.update([at('a', 100, 2), at('b', 100, 2)], 1_000)
    expect([300, 600, 700].map((own) => balance.refuses(own, 1_100))).toEqual([false, false, true])
  })

  it('counts a node no more that has stopped reporting, by its own clock', () => {
    const balance = new Balance('a', REFUSALS_PER_SECOND)
    // The other's clock is an hour behind.
    for (let second = 0; second <= 3; second += 1) balance.update([at('b', 0, 1)], 10_000 + second * 1_000)
    expect(balance.refuses(500, 13_000)).toBe(true)
    balance.update([at('b', 0, 1)], 14_000)
    expect(balance.refuses(500, 14_000)).toBe(false)
  })

  it('refuses only so many a second: in a storm everyone is back soon', () => {
    const balance = new Balance('a', 2)
    balance.update([at('b', 0, 1)], 1_000)
    const asked = (nowMs: number): boolean[] => [1, 2, 3, 4].map(() => balance.refuses(500, nowMs))
    expect(asked(1_000)).toEqual([true, true, false, false])
    balance.update([at('b', 1, 2)], 2_000)
    expect(asked(2_000)).toEqual([true, true, false, false])
  })

  it('asks no more to move while those it asked find no room elsewhere', () => {
    const balance = new Balance('a', REFUSALS_PER_SECOND)
    balance.update([at('a', 10_000, 1), at('b', 0, 1)], 1_000)
    const toMove = [0, 150, 250, 300, 900].map((leaving) =>
      balance.toMove({ own: 10_000 - leaving, leaving }, 1_000),
    )
    expect(toMove).toEqual([100, 99, 43, 0, 0])
  })

  it('stops refusing where nobody takes what it refuses, and where its own view is old', () => {
    const balance = new Balance('a', REFUSALS_PER_SECOND)
    let nowMs = 0
    const refused: boolean[] = []
    for (let second = 0; second < 12; second += 1) {
      nowMs += 1_000
      balance.update([at('a', 500, nowMs), at('b', 0, nowMs)], nowMs)
      refused.push(balance.refuses(500, nowMs))
    }
    expect(refused.slice(0, 5)).not.toContain(false)
    expect(refused.slice(-3)).not.toContain(true)
    const other = new Balance('c', REFUSALS_PER_SECOND)
    other.update([at('b', 0, 1)], 1_000)
    expect([other.refuses(500, 2_000), other.refuses(500, 6_001)]).toEqual([true, false])
  })
})
