import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Freshness, TRUST_MS } from './freshness.ts'

describe('what may be believed from the cache', () => {
  it('is nothing before the first whole sweep', () => {
    const freshness = new Freshness()
    freshness.raise('trip:{t}', 3, 0)
    expect(freshness.floorOf('trip:{t}', 1)).toBeUndefined()
  })

  it('is nothing once the last sweep began too long ago, and all again after the next', () => {
    const freshness = new Freshness()
    freshness.sweepDone(1000, new Map())
    expect(freshness.floorOf('k', 1000 + TRUST_MS)).toBe(0)
    expect(freshness.floorOf('k', 1001 + TRUST_MS)).toBeUndefined()
    freshness.sweepDone(1002 + TRUST_MS, new Map())
    expect(freshness.floorOf('k', 1003 + TRUST_MS)).toBe(0)
  })

  it('is a marked document only at the marked version', () => {
    const freshness = new Freshness()
    freshness.sweepDone(0, new Map([['k', 7]]))
    expect(freshness.floorOf('k', 1)).toBe(7)
    expect(freshness.isChanging('k')).toBe(true)
    freshness.sweepDone(200, new Map())
    expect(freshness.floorOf('k', 201)).toBe(0)
    expect(freshness.isChanging('k')).toBe(false)
  })

  it('is an own write at once, until a sweep that began after it', () => {
    const freshness = new Freshness()
    freshness.sweepDone(0, new Map())
    freshness.raise('k', 4, 50)
    expect(freshness.floorOf('k', 60)).toBe(4)
    // It began before the write and may not have seen the mark.
    freshness.sweepDone(40, new Map())
    expect(freshness.floorOf('k', 70)).toBe(4)
    freshness.sweepDone(80, new Map())
    expect(freshness.floorOf('k', 90)).toBe(0)
  })

  it('never goes back to an older version by a late announcement', () => {
    const freshness = new Freshness()
    freshness.sweepDone(0, new Map())
    freshness.raise('k', 9, 10)
    freshness.raise('k', 8, 20)
    expect(freshness.floorOf('k', 30)).toBe(9)
  })

  /**
   * Invariant: at any time at which a value is believed, its version is at
   * least that of every write finished more than TRUST_MS before.
   * Method: a random history of writes, settlings and sweeps against a model
   * store and a cache that holds any version since the last settling.
   */
  it('is never older than TRUST_MS, whatever happens between the writes', () => {
    const anyStep = fc.record({
      kind: fc.constantFrom('write', 'settle', 'sweep', 'heard', 'read', 'read'),
      afterMs: fc.integer({ min: 0, max: 400 }),
      age: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 120 }), (steps) => {
        const freshness = new Freshness()
        const writtenAtMs: number[] = [0]
        let nowMs = 0
        let settled = 1
        for (const { kind, afterMs, age } of steps) {
          nowMs += afterMs
          const newest = writtenAtMs.length
          if (kind === 'write') writtenAtMs.push(nowMs)
          else if (kind === 'settle') settled = newest
          else if (kind === 'sweep') {
            freshness.sweepDone(nowMs, settled < newest ? new Map([['k', newest]]) : new Map())
          } else if (kind === 'heard') freshness.raise('k', newest, nowMs)
          else {
            const held = settled + (age % (newest - settled + 1))
            const floor = freshness.floorOf('k', nowMs)
            if (floor === undefined || held < floor) continue
            const known = writtenAtMs.filter((atMs) => atMs < nowMs - TRUST_MS).length
            expect(held).toBeGreaterThanOrEqual(known)
          }
        }
      }),
      { numRuns: 2000 },
    )
  })
})
