/** Where a page of the log ended: the time and the id of its last call. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Call } from './call.ts'

export interface Position {
  readonly startedMs: number
  readonly id: string
}

export function writePageToken({ startedMs, id }: Pick<Call, 'startedMs' | 'id'>): string {
  return Buffer.from(`${startedMs} ${id}`).toString('base64url')
}

/** Undefined for the first page. */
export function readPageToken(token: string): Position | undefined {
  if (token === '') return undefined
  const match = /^(\d{1,15}) (c_[A-Za-z0-9_-]{1,64})$/.exec(Buffer.from(token, 'base64url').toString('utf8'))
  const [, startedMs, id] = match ?? []
  if (startedMs === undefined || id === undefined) {
    throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'The page token is none of ours.', {
      violations: [{ field: 'page_token', description: 'is none that an answer gave' }],
    })
  }
  return { startedMs: Number(startedMs), id }
}
