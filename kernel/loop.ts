/**
 * Work that repeats until it is stopped. Runs never overlap; after a failure
 * the pause grows, with full jitter, so that many processes do not return at
 * the same moment to what has just come back.
 */
import { type Clock, pause, systemClock } from './clock.ts'
import type { Log } from './log.ts'

export interface LoopOptions {
  readonly name: string
  /** From the end of one run to the start of the next. */
  readonly everyMs: number
  readonly run: (signal: AbortSignal) => Promise<void> | void
  readonly log: Log
  readonly clock?: Clock
  /** The longest pause after failures; 30 s, or everyMs where that is more. */
  readonly backoffMaxMs?: number
  /** From 0 to 1; Math.random where left out. */
  readonly random?: () => number
}

export interface Loop extends AsyncDisposable {
  /** Resolves once the run under way has ended. */
  stop(): Promise<void>
}

const BACKOFF_MAX_MS = 30_000

/** The ceiling doubles with each failure in a row. At least a tenth of it is waited, so that no loop spins. */
export function backoffMs(
  failures: number,
  { baseMs, maxMs, random }: { baseMs: number; maxMs: number; random: () => number },
) {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30))
  return ceiling * (0.1 + 0.9 * random())
}

export function startLoop(options: LoopOptions): Loop {
  const { name, everyMs, run, log, clock = systemClock, random = Math.random } = options
  const maxMs = options.backoffMaxMs ?? Math.max(BACKOFF_MAX_MS, everyMs)
  const stopped = new AbortController()
  const { signal } = stopped

  async function repeat(): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      let waitMs = everyMs
      try {
        await run(signal)
        if (failures > 0) log.info({ loop: name, failures }, 'loop works again')
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        waitMs = backoffMs(failures, { baseMs: Math.max(everyMs, 1), maxMs, random })
        log.error({ err: error, loop: name, failures, waitMs: Math.round(waitMs) }, 'loop failed')
      }
      await pause(clock, waitMs, signal)
    }
  }

  const ended = repeat()
  const stop = async (): Promise<void> => {
    stopped.abort()
    await ended
  }
  return { stop, [Symbol.asyncDispose]: stop }
}
