/** Where a page of dead letters ended. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Notification } from './notification.ts'

const TOKEN = /^(\d{1,16})\.(n_[A-Za-z0-9_-]{8,64})$/

export function writePageToken({ acceptedMs, id }: Notification): string {
  return `${acceptedMs}.${id}`
}

/** Undefined for the first page. */
export function readPageToken(token: string): { acceptedMs: number; id: string } | undefined {
  if (token === '') return undefined
  const match = TOKEN.exec(token)
  if (match === null) {
    throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'page_token is none of ours.', {
      violations: [{ field: 'page_token', description: 'is none of ours' }],
    })
  }
  const [, acceptedMs = '', id = ''] = match
  return { acceptedMs: Number(acceptedMs), id }
}
