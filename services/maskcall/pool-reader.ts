/** The pool as operations see it: read afresh, once for all who ask at the same time. */
import type { GetPoolResponse } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import type { NumberStore } from './number-store.ts'
import { poolParts } from './pool-parts.ts'
import type { SessionStore } from './session-store.ts'

export interface PoolReaderParts {
  readonly numbers: NumberStore
  readonly sessions: SessionStore
  readonly placesPerNumber: number
  readonly lowPercent: number
  readonly nowMs: () => number
}

export function createPoolReader(parts: PoolReaderParts): () => Promise<GetPoolResponse> {
  const { numbers, sessions, placesPerNumber, lowPercent, nowMs } = parts
  let reading: Promise<GetPoolResponse> | undefined

  async function read(): Promise<GetPoolResponse> {
    const [known, uses] = await Promise.all([numbers.listAll(), sessions.countUse()])
    return { parts: poolParts(known, uses, placesPerNumber), readAt: nowMs(), lowPercent }
  }

  return () => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
}
