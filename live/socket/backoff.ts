/** When a page whose socket closed tries again, and when it does not. Pure. */

const FIRST_MS = 1_000
const LONGEST_MS = 30_000

/** Full jitter over 1 s, 2 s, 4 s … 30 s: pages that lost the same edge must not come back in step. */
export function retryDelayMs(attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt))
}

/** Close codes from 4500 on: something has to change before anyone gets in again. */
export function isFinalClose(code: number): boolean {
  return code >= 4500 && code <= 4999
}
