/** What a provider posts, and what is made of it. */
import type { DeliveryReceipt } from '../provider.ts'

export interface WebhookRequest {
  /** The public address that was called, with its query. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** As it came: signatures are over these bytes. */
  readonly body: Uint8Array
}

export interface WebhookAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface ReceivedReceipt extends DeliveryReceipt {
  /** The same each time that the provider reports the same event, and covered by its signature. */
  readonly eventId: string
}

export type RefusalReason = 'not_configured' | 'bad_signature' | 'malformed' | 'unavailable'

export type WebhookResult =
  | {
      readonly kind: 'accepted'
      readonly receipts: readonly ReceivedReceipt[]
      /** When the provider signed it, where it says so. */
      readonly signedAtMs?: number
      readonly answer: WebhookAnswer
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly answer: WebhookAnswer }

/** A provider tries again later after 503, and gives up sooner or later after the others. */
const STATUSES: Readonly<Record<RefusalReason, number>> = {
  not_configured: 404,
  bad_signature: 403,
  malformed: 400,
  unavailable: 503,
}

export function accept(receipts: readonly ReceivedReceipt[], signedAtMs?: number): WebhookResult {
  const answer = { status: 200, contentType: 'text/plain', body: '' }
  return { kind: 'accepted', receipts, answer, ...(signedAtMs === undefined ? {} : { signedAtMs }) }
}

export function refuse(reason: RefusalReason): WebhookResult {
  return {
    kind: 'refused',
    reason,
    answer: { status: STATUSES[reason], contentType: 'text/plain', body: '' },
  }
}
