import type { AbortSignalLike } from './runtime.ts'

export interface CallOptions {
  /** Give up after this; 10 s on methods that answer once where it is left out, never on streams. */
  readonly timeoutMs?: number | undefined
  /** Ends the call. */
  readonly signal?: AbortSignalLike | undefined
}
