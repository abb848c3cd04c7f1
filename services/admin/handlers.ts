/** One function a method: check, call, encode. */
import type { GetOverviewResponse } from '@hushryd/gen/hushryd/admin/v1/overview.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import type { ServiceImplementation } from 'nice-grpc'
import type { createRecorder } from './recorder.ts'
import type { createSearch } from './search.ts'
import type { Watch } from './watch.ts'
import type { ServedAdminDefinition } from './wire.ts'

export interface HandlerParts {
  readonly record: ReturnType<typeof createRecorder>
  readonly search: ReturnType<typeof createSearch>
  readonly watch: Watch
  readonly overview: () => Promise<GetOverviewResponse>
}

export function createHandlers({
  record,
  search,
  watch,
  overview,
}: HandlerParts): ServiceImplementation<typeof ServedAdminDefinition, RpcContext> {
  return {
    async recordEvent(request, { caller }) {
      // Services write to the stream themselves, each under its own name.
      if (caller.kind !== 'backend')
        throw new DomainError(
          ErrorReason.ERROR_REASON_FORBIDDEN,
          'Only HushRyd’s backend records events here.',
        )
      return await record(request)
    },

    async *watchEvents({ afterSequence, snapshotSize, ...filter }, { signal }) {
      yield* watch.follow({ filter, afterSequence, snapshotSize }, signal)
    },

    listEvents: (request) => search(request),

    getOverview: () => overview(),
  }
}
