import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PublishedBatch } from './published-batch.ts'

const outcome = fc.record({ place: fc.nat(9), isStored: fc.boolean() })

test('each message keeps its first outcome, and the whole ends with the last of them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 8 }), fc.array(outcome), async (messages, outcomes) => {
      const batch = new PublishedBatch(messages)
      let hasEnded = false
      void batch.ended.then(() => {
        hasEnded = true
      })
      const first = new Map<number, boolean>()
      for (const { place, isStored } of outcomes) {
        const isFirst = place < messages && !first.has(place)
        expect(batch.settle(place, isStored)).toBe(isFirst)
        if (isFirst) first.set(place, isStored)
        expect(batch.open).toBe(messages - first.size)
      }
      await Promise.resolve()
      expect(hasEnded).toBe(first.size === messages)
      expect(batch.kept()).toEqual(Array.from({ length: messages }, (_, place) => first.get(place) ?? false))
      expect(batch.giveUp()).toBe(messages - first.size)
      await batch.ended
      expect(batch.kept().filter(Boolean)).toHaveLength([...first.values()].filter(Boolean).length)
    }),
  )
})
