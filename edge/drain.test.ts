import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planDrain } from './drain.ts'

describe('a drain', () => {
  it('tells everyone once, in waves of like size, early enough that all are gone in time', () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.integer({ min: 0, max: 60_000 }), (count, drainMs) => {
        const connections = Array.from({ length: count }, (_, index) => index)
        const { waves, graceMs } = planDrain(connections, drainMs, Math.random)
        const told = waves.flatMap(({ members }) => members.map(({ connection }) => connection))
        expect(told.sort((a, b) => a - b)).toEqual(connections)
        const sizes = waves.map(({ members }) => members.length)
        expect(Math.max(0, ...sizes) - Math.min(count, ...sizes)).toBeLessThanOrEqual(1)
        for (const { atMs, members } of waves) {
          for (const { reconnectAfterMs } of members) {
            expect(atMs + reconnectAfterMs + graceMs).toBeLessThanOrEqual(drainMs + 1)
          }
        }
      }),
    )
  })

  it('spreads many over the first half of its time, and few go at once', () => {
    const of = (count: number) => planDrain(Array.from({ length: count }), 8_000, Math.random).waves
    expect(of(10_000).map(({ atMs }) => atMs)).toEqual(Array.from({ length: 16 }, (_, wave) => wave * 250))
    expect(of(10).map(({ atMs }) => atMs)).toEqual([0])
  })
})
