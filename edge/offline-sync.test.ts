import type { LocationFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { DomainError } from '@hushryd/kernel/error.ts'
import { expect, it } from 'vitest'
import { answerNameless, joinAnswers, splitByPartition, unavailable } from './offline-sync.ts'

function at(tripId: string): LocationFrame {
  return { tripId, lat: 17.4, lng: 78.5, accuracy: 0, speed: 0, heading: 0, timestampMs: 1 }
}

const updates = ['a1', '', 'b1', 'no id!', 'a2'].map(at)
const parts = splitByPartition(updates, (tripId) => (tripId.startsWith('a') ? 0 : 1))

it('splits a buffer by partition and remembers the places', () => {
  expect(parts.map(({ partition, indexes }) => [partition, indexes])).toEqual([
    [0, [0, 4]],
    [1, [2]],
  ])
})

it('refuses positions of no trip by their index and joins the answers in order', () => {
  const nameless = answerNameless(updates)
  if (nameless === undefined) throw new Error('two have no trip')
  const [first, second] = parts
  if (first === undefined || second === undefined) throw new Error('two partitions')
  const answers = [
    nameless,
    {
      part: first,
      synced: { accepted: 1, rejected: [{ index: 1, reason: 'POSITION_TOO_OLD' }], error: undefined },
    },
    { part: second, synced: unavailable('away', 1_000) },
  ]
  expect(joinAnswers(answers)).toEqual({
    accepted: 1,
    rejected: [
      { index: 1, reason: 'INVALID_REQUEST' },
      { index: 2, reason: 'UNAVAILABLE' },
      { index: 3, reason: 'INVALID_REQUEST' },
      { index: 4, reason: 'POSITION_TOO_OLD' },
    ],
  })
  expect(answerNameless([at('t')])).toBeUndefined()
})

it('is an error as a whole only where no part could be taken', () => {
  const answers = parts.map((part) => ({ part, synced: unavailable('away', 1_000) }))
  expect(joinAnswers(answers)).toBeInstanceOf(DomainError)
})
