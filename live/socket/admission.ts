/** How this page gets in: a ticket for the fleet's map, or the share link that it was opened with. */
import type { Admission } from './link.ts'

const CLOSED = 403
/** Answers that say: not with this link, not now and not later. */
const LINK_IS_DEAD = [401, 403, 410]

/** Where the page was opened: an edge serves it, so that is where the socket goes. */
export function socketUrl(base: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL('/v1/ws', base)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.search = new URLSearchParams(parameters).toString()
  return url.href
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? 0)
  return Number.isFinite(seconds) ? seconds * 1000 : 0
}

export async function askForFleet(base: string): Promise<Admission> {
  const response = await fetch(new URL('/v1/fleet-tickets', base), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  if (response.status === CLOSED) {
    return { kind: 'refused', message: 'The map of all vehicles is closed here.' }
  }
  if (!response.ok) return { kind: 'later', retryAfterMs: retryAfterMs(response) }
  const { ticket } = (await response.json()) as { ticket: string }
  return { kind: 'enter', url: socketUrl(base, { ticket }) }
}

export interface ShareLink {
  readonly tripId: string
  readonly token: string
}

/**
 * A browser hides why an upgrade was refused, so after a refusal the same
 * question is put as a plain request, whose answer can be read.
 */
export async function enterByShare(base: string, link: ShareLink, wasRefused: boolean): Promise<Admission> {
  if (wasRefused) {
    const url = new URL(`/v1/trips/${encodeURIComponent(link.tripId)}/location`, base)
    url.searchParams.set('share', link.token)
    const response = await fetch(url)
    if (LINK_IS_DEAD.includes(response.status)) {
      return {
        kind: 'refused',
        message: 'This link no longer works: the trip has ended, or the address is incomplete.',
      }
    }
    if (response.status === 429) return { kind: 'later', retryAfterMs: retryAfterMs(response) }
  }
  return { kind: 'enter', url: socketUrl(base, { share: link.token }) }
}
