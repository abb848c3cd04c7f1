import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Batch, Settlements } from './batch.ts'
import { Lane } from './lane.ts'

function batchOf(flush: number, settled: number[], name: number): Batch {
  return { open: 0, flush, settle: () => void settled.push(name) }
}

it('settle once all flushes up to their own have, in whatever order those end', () => {
  const flushes = fc.integer({ min: 1, max: 12 }).chain((count) =>
    fc.record({
      order: fc.shuffledSubarray(
        Array.from({ length: count }, (_, index) => index + 1),
        { minLength: count, maxLength: count },
      ),
      batches: fc.array(fc.integer({ min: 0, max: count }), { maxLength: 20 }),
    }),
  )
  fc.assert(
    fc.property(flushes, ({ order, batches }) => {
      const settlements = new Settlements()
      const settled: number[] = []
      batches.forEach((flush, name) => {
        settlements.add(batchOf(flush, settled, name))
      })
      const ended = new Set<number>()
      for (const flush of order) {
        settlements.flushSettled(flush)
        ended.add(flush)
        let contiguous = 0
        while (ended.has(contiguous + 1)) contiguous++
        const expected = batches.flatMap((needed, name) => (needed <= contiguous ? [name] : []))
        expect(settled.toSorted((a, b) => a - b)).toEqual(expected)
      }
      expect(settlements.outstanding).toBe(0)
    }),
  )
})

it('wait for reports whose trip is being looked up', () => {
  const settlements = new Settlements()
  const settled: number[] = []
  const batch = batchOf(1, settled, 1)
  batch.open = 1
  settlements.add(batch)
  settlements.flushSettled(1)
  expect(settled).toEqual([])
  batch.open = 0
  batch.flush = 2
  settlements.flushSettled(2)
  expect(settled).toEqual([1])
})

it('are acknowledged to the edge in their order: never one before all earlier ones', async () => {
  const settles = fc.integer({ min: 1, max: 20 }).chain((count) =>
    fc.shuffledSubarray(
      Array.from({ length: count }, (_, index) => index + 1),
      { minLength: count, maxLength: count },
    ),
  )
  await fc.assert(
    fc.asyncProperty(settles, async (order) => {
      const lane = new Lane({ edgeId: 'edge-1', partition: 0, epochMs: 1 })
      const batches = new Map(order.toSorted((a, b) => a - b).map((seq) => [seq, lane.expect(seq)]))
      const done = new Set<number>()
      let acked = 0
      for (const seq of order) {
        const batch = batches.get(seq)
        if (batch === undefined) throw new Error('no batch')
        lane.settle(batch)
        done.add(seq)
        let contiguous = 0
        while (done.has(contiguous + 1)) contiguous++
        expect(lane.unsettled).toBe(order.length - contiguous)
        if (contiguous === acked) continue
        acked = contiguous
        expect((await lane.next())?.ackedSeq).toBe(contiguous)
      }
    }),
  )
})
