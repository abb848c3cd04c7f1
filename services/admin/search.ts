/** ListEvents: its request as a search of the archive, and where its pages end. */
import type { ListEventsRequest, ListEventsResponse } from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Archive } from './archive.ts'
import { isPlace, placeOf } from './archive-document.ts'
import type { PlaceBounds } from './archive-search.ts'

const PAGE_SIZE = 100

export function createSearch(options: {
  readonly archive: Pick<Archive, 'search'>
  /** Of the log that stands now. */
  readonly logId: () => Promise<string>
}): (request: ListEventsRequest) => Promise<ListEventsResponse> {
  const { archive, logId } = options

  async function boundsOf(request: ListEventsRequest): Promise<PlaceBounds> {
    const { fromSequence, toSequence, pageToken } = request
    const before = readPageToken(pageToken)
    // Only these need to know the log, which may be away while the archive is not.
    const id = fromSequence > 0 || toSequence > 0 ? await logId() : ''
    return {
      ...(fromSequence > 0 ? { from: placeOf(id, fromSequence) } : {}),
      ...(toSequence > 0 ? { to: placeOf(id, toSequence) } : {}),
      ...(before === undefined ? {} : { before }),
    }
  }

  return async (request) => {
    const { pageSize } = request
    const count = pageSize === 0 ? PAGE_SIZE : pageSize
    const { events, next } = await archive.search(request, await boundsOf(request), count)
    return { events: [...events], nextPageToken: next ?? '' }
  }
}

function readPageToken(token: string): string | undefined {
  if (token === '') return undefined
  if (isPlace(token)) return token
  throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'page_token is none of ours.', {
    violations: [{ field: 'page_token', description: 'is none of ours' }],
  })
}
