/** Where a page ended: the time and the id of its last entry. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'

export interface PageEnd {
  readonly atMs: number
  readonly id: string
}

export function writePageToken({ atMs, id }: PageEnd): string {
  return Buffer.from(`${atMs} ${id}`).toString('base64url')
}

/** Of calls (`c_`) or sessions (`m_`). Undefined for the first page. */
export function readPageToken(token: string, idPrefix: 'c_' | 'm_'): PageEnd | undefined {
  if (token === '') return undefined
  const match = /^(\d{1,15}) ([cm]_[A-Za-z0-9_-]{1,64})$/.exec(
    Buffer.from(token, 'base64url').toString('utf8'),
  )
  const [, atMs, id] = match ?? []
  if (atMs === undefined || id === undefined || !id.startsWith(idPrefix)) {
    throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'The page token is none of ours.', {
      violations: [{ field: 'page_token', description: 'is none that an answer gave' }],
    })
  }
  return { atMs: Number(atMs), id }
}
