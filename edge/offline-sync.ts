/**
 * One `locations` frame over several partitions, and the answers back in one.
 * Pure.
 */
import type { AcceptedFrame, LocationFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import type { LaneSynced } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { RejectedPosition } from '@hushryd/gen/hushryd/location/v1/position.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { errorOf } from '@hushryd/kernel/error-table.ts'
import { isId } from './limits.ts'

export interface SyncPart {
  readonly partition: number
  /** Places in the frame, from 0. */
  readonly indexes: readonly number[]
  readonly updates: readonly LocationFrame[]
}

/** Positions without a trip's id are in none of them: see `answerNameless`. */
export function splitByPartition(
  updates: readonly LocationFrame[],
  partitionOf: (tripId: string) => number,
): SyncPart[] {
  const parts = new Map<number, { partition: number; indexes: number[]; updates: LocationFrame[] }>()
  updates.forEach((update, index) => {
    if (!isId(update.tripId)) return
    const partition = partitionOf(update.tripId)
    let part = parts.get(partition)
    if (part === undefined) {
      part = { partition, indexes: [], updates: [] }
      parts.set(partition, part)
    }
    part.indexes.push(index)
    part.updates.push(update)
  })
  return [...parts.values()]
}

export interface SyncAnswer {
  readonly part: SyncPart
  readonly synced: Pick<LaneSynced, 'accepted' | 'rejected' | 'error'>
}

/** What belongs to no trip is refused here; the rest of the buffer must not be stuck behind it. */
export function answerNameless(updates: readonly LocationFrame[]): SyncAnswer | undefined {
  const indexes = updates.flatMap(({ tripId }, index) => (isId(tripId) ? [] : [index]))
  if (indexes.length === 0) return undefined
  const reason = errorOf(ErrorReason.ERROR_REASON_INVALID_REQUEST).name
  const rejected = indexes.map((_, index) => ({ index, reason }))
  return {
    part: { partition: -1, indexes, updates: [] },
    synced: { accepted: 0, rejected, error: undefined },
  }
}

/**
 * Where no part could be taken the whole frame is an error; else the positions
 * of a part that could not are rejected one by one, with its reason.
 */
export function joinAnswers(answers: readonly SyncAnswer[]): AcceptedFrame | DomainError {
  const first = answers[0]?.synced.error
  if (first !== undefined && answers.every(({ synced }) => synced.error !== undefined)) {
    return new DomainError(first.reason, first.message, { retryAfterMs: first.retryAfterMs })
  }
  let accepted = 0
  const rejected: RejectedPosition[] = []
  for (const { part, synced } of answers) {
    if (synced.error !== undefined) {
      const reason = errorOf(synced.error.reason).name
      rejected.push(...part.indexes.map((index) => ({ index, reason })))
      continue
    }
    accepted += synced.accepted
    for (const { index, reason } of synced.rejected) {
      rejected.push({ index: part.indexes[index] ?? index, reason })
    }
  }
  rejected.sort((a, b) => a.index - b.index)
  return { accepted, rejected }
}

export function unavailable(message: string, retryAfterMs: number) {
  return {
    accepted: 0,
    rejected: [],
    error: { reason: ErrorReason.ERROR_REASON_UNAVAILABLE, message, retryAfterMs },
  }
}
