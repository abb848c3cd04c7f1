import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Fix } from './fix.ts'
import { mergeTrail } from './trail.ts'

function fix(userId: string, timestampMs: number): Fix {
  return { userId, lat: 1, lng: 2, accuracy: 0, speed: 0, heading: 0, timestampMs }
}

const fixes = fc.array(
  fc
    .record({ user: fc.constantFrom('a', 'b'), ms: fc.integer({ min: 0, max: 50 }) })
    .map(({ user, ms }) => fix(user, ms)),
  { maxLength: 40 },
)
const range = fc.record({
  fromMs: fc.integer({ min: 0, max: 50 }),
  toMs: fc.integer({ min: 0, max: 50 }),
  fixesMax: fc.integer({ min: 1, max: 40 }),
})

it('holds each person’s position of each time once and in order, however sources overlap', () => {
  fc.assert(
    fc.property(fixes, fixes, range, (redis, history, { fromMs, toMs }) => {
      const { fixes: merged, isComplete } = mergeTrail([redis, history], { fromMs, toMs, fixesMax: 1000 })
      const names = merged.map(({ userId, timestampMs }) => `${timestampMs}|${userId}`)
      const wanted = [...redis, ...history].filter(
        ({ timestampMs }) => timestampMs >= fromMs && timestampMs <= toMs,
      )
      expect(new Set(names)).toEqual(
        new Set(wanted.map(({ userId, timestampMs }) => `${timestampMs}|${userId}`)),
      )
      expect(new Set(names).size).toBe(names.length)
      expect(merged.map(({ timestampMs }) => timestampMs)).toEqual(
        merged.map(({ timestampMs }) => timestampMs).toSorted((a, b) => a - b),
      )
      expect(isComplete).toBe(true)
    }),
  )
})

it('does not depend on which source held what', () => {
  fc.assert(
    fc.property(fixes, fixes, range, (one, two, given) => {
      expect(mergeTrail([one, two], given)).toEqual(mergeTrail([two, one], given))
      expect(mergeTrail([[...one, ...two]], given)).toEqual(mergeTrail([one, two], given))
    }),
  )
})

it('keeps the newest where there is no room for all, and says that it did', () => {
  const given = [1, 2, 3, 4].map((ms) => fix('a', ms))
  expect(mergeTrail([given], { fromMs: 0, toMs: 9, fixesMax: 2 })).toEqual({
    fixes: given.slice(2),
    isComplete: false,
  })
})
