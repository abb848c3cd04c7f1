/**
 * Links that open one trip to whoever holds them, as they lie in Redis and as
 * people see them. The edge makes and opens them; an alert hands one out to
 * emergency contacts.
 */
import { hash } from 'node:crypto'

export const SHARE_LINK_MS = 24 * 60 * 60 * 1000

export interface ShareLink {
  readonly tripId: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  /**
   * The link opens only while this person takes part in the trip. Left out
   * where the trip is none of a person's claim: shared by the backend or an admin.
   */
  readonly sharedBy?: string
}

/** Only the hash of the token is stored, so who reads the store cannot open the link. */
export function shareLinkKey(token: string): string {
  return `share:{${hash('sha256', token, 'base64url')}}`
}

export function writeShareLink(link: ShareLink): string {
  return JSON.stringify(link)
}

export function readShareLink(text: string): ShareLink {
  // Written by writeShareLink alone.
  return JSON.parse(text) as ShareLink
}

export function shareLinkUrl(publicUrl: string, tripId: string, token: string): string {
  return `${publicUrl.replace(/\/$/, '')}/live?trip=${encodeURIComponent(tripId)}&share=${token}`
}
