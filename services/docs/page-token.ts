/** Where a page of documents ended: the time and the id of its last one. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'

export interface Position {
  readonly createdMs: number
  readonly id: string
}

export function writePageToken({ createdMs, id }: Position): string {
  return Buffer.from(`${createdMs} ${id}`).toString('base64url')
}

/** Undefined for the first page. */
export function readPageToken(token: string): Position | undefined {
  if (token === '') return undefined
  const match = /^(\d{1,15}) (d_[A-Za-z0-9_-]{8,64})$/.exec(Buffer.from(token, 'base64url').toString('utf8'))
  const [, createdMs, id] = match ?? []
  if (createdMs === undefined || id === undefined) {
    throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'The page token is none of ours.', {
      violations: [{ field: 'page_token', description: 'is none that an answer gave' }],
    })
  }
  return { createdMs: Number(createdMs), id }
}
