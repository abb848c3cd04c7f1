/** Time as a dependency, so that tests own it. */

export interface Timer {
  /** Does nothing once the timer has fired. */
  cancel(): void
}

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
  setTimer(onDue: () => void, delayMs: number): Timer
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  setTimer: (onDue, delayMs) => {
    const timer = setTimeout(onDue, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after the delay, or at once when the signal aborts: the caller looks at the signal. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = clock.setTimer(finish, delayMs)
    signal.addEventListener('abort', finish)
  })
}
