import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { liveNodes, NODE_LIVE_MS } from './load.ts'
import { sample } from './sample.ts'

describe('the nodes of a fleet', () => {
  it('are those that reported lately, by id', () => {
    const report = (seenAt: number) =>
      JSON.stringify({ connections: 1, draining: false, seenAt, startedAt: 0 })
    const fields = { b: report(50_000), a: report(50_000), gone: report(50_000 - NODE_LIVE_MS) }
    expect(liveNodes(fields, 50_000).map(({ edgeId }) => edgeId)).toEqual(['a', 'b'])
  })
})

describe('a sample', () => {
  it('has as many as asked for, or all that are eligible, each once', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (size, count) => {
        const items = Array.from({ length: size }, (_, index) => index)
        const chosen = sample(items, count, (item) => item % 2 === 0, Math.random)
        expect(chosen.length).toBe(Math.min(count, Math.ceil(size / 2)))
        expect(new Set(chosen).size).toBe(chosen.length)
        expect(chosen.every((item) => item % 2 === 0)).toBe(true)
      }),
    )
  })
})
