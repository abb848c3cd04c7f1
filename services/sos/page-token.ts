/** Where a page of alerts ended. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { AlertPage } from './alert-store.ts'

const TOKEN = /^(\d{1,16})\.([A-Za-z0-9][A-Za-z0-9_.:@-]{0,63})$/

export function writePageToken({ receivedMs, alertId }: NonNullable<AlertPage['after']>): string {
  return `${receivedMs}.${alertId}`
}

/** Undefined for the first page. */
export function readPageToken(token: string): AlertPage['after'] {
  if (token === '') return undefined
  const [, receivedMs, alertId] = TOKEN.exec(token) ?? []
  if (receivedMs === undefined || alertId === undefined) {
    throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'page_token is none of ours.', {
      violations: [{ field: 'page_token', description: 'is none of ours' }],
    })
  }
  return { receivedMs: Number(receivedMs), alertId }
}
