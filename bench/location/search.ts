/** Finds the highest rate that still holds, in few tries. Pure but for the tries. */

export interface SearchOptions {
  /** A guess; the nearer, the fewer tries. */
  readonly startRate: number
  readonly triesMax: number
  readonly holds: (rate: number) => Promise<boolean>
}

/** How far a step goes while only one side is known. */
const STEP = 1.3
/** Closer than this is within the noise of the machine. */
const CLOSE = 1.06

/** The highest rate seen to hold; 0 where none did. */
export async function findHighestRate({ startRate, triesMax, holds }: SearchOptions): Promise<number> {
  let good = 0
  let bad = Number.POSITIVE_INFINITY
  let rate = startRate
  for (let tries = 0; tries < triesMax; tries += 1) {
    if (await holds(rate)) good = Math.max(good, rate)
    else bad = Math.min(bad, rate)
    if (good > 0 && bad / good < CLOSE) break
    if (bad === Number.POSITIVE_INFINITY) rate = good * STEP
    else rate = good === 0 ? bad / STEP : Math.sqrt(good * bad)
  }
  return Math.round(good)
}
