import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PIECE_EVENTS_MAX, piecesOf } from './pieces.ts'
import { TAIL_MAX, Tail, type TailEntry } from './tail.ts'

function entry(sequence: number, bytes = 10): TailEntry {
  const facts = {
    type: 'a.b',
    severity: 1,
    region: '',
    tripId: `T${sequence % 3}`,
    userId: '',
    alertId: '',
  } as const
  return { sequence, facts, bytes: new Uint8Array(bytes) }
}

const ALL = { types: [], regions: [], minSeverity: 0, tripId: '', userId: '', alertId: '' } as const

/** Numbers that rise, with holes. */
const sequences = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 200 }).map((steps) => {
  let at = 5
  return steps.map((step) => {
    at += step
    return at
  })
})

test('what follows a number is found, whatever numbers are missing', () => {
  fc.assert(
    fc.property(sequences, fc.nat(700), (numbers, after) => {
      const tail = new Tail(5)
      for (const sequence of numbers) tail.append(entry(sequence))
      const from = Math.max(5, after)
      const expected = numbers.filter((sequence) => sequence > from)
      expect(tail.after(from).map(({ sequence }) => sequence)).toEqual(expected)
      expect(tail.after(from, 2).map(({ sequence }) => sequence)).toEqual(expected.slice(0, 2))
      expect(tail.last).toBe(numbers.at(-1) ?? 5)
    }),
  )
})

test('the newest that pass come in the order of the log', () => {
  const tail = new Tail()
  for (let sequence = 1; sequence <= 9; sequence += 1) tail.append(entry(sequence))
  expect(tail.newest({ ...ALL, tripId: 'T0' }, 2).map(({ sequence }) => sequence)).toEqual([6, 9])
})

test('it stays bounded, and says from where on it knows', () => {
  const tail = new Tail()
  for (let sequence = 1; sequence <= 3 * TAIL_MAX; sequence += 1) tail.append(entry(sequence))
  expect(tail.after(tail.begin).length).toBeLessThanOrEqual(TAIL_MAX * 1.25)
  expect(tail.after(tail.begin)[0]?.sequence).toBe(tail.begin + 1)
  expect(() => tail.after(tail.begin - 1)).toThrow('no longer in memory')
})

test('an event out of order is a bug, not an entry', () => {
  const tail = new Tail()
  tail.append(entry(2))
  expect(() => tail.append(entry(2))).toThrow('came after')
})

test('pieces join each other, hold everything once and are bounded', () => {
  const stretch = fc.array(fc.integer({ min: 1, max: 400_000 }), { maxLength: 2_000 })
  fc.assert(
    fc.property(stretch, fc.nat(10), fc.nat(10), (sizes, before, behind) => {
      const entries = sizes.map((bytes, index) => ({
        ...entry(before + index + 1, 0),
        bytes: { length: bytes },
      }))
      const to = before + entries.length + behind
      const pieces = piecesOf(entries as never, before, to)
      expect(pieces.flatMap((piece) => piece.entries)).toEqual(entries)
      expect(pieces[0]?.previousSequence).toBe(before)
      expect(pieces.at(-1)?.sequence).toBe(to)
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) expect(piece.previousSequence).toBe(pieces[index - 1]?.sequence)
        expect(piece.entries.length).toBeLessThanOrEqual(PIECE_EVENTS_MAX)
      }
    }),
    { numRuns: 30 },
  )
})
