/** What a list of counts or times says about a fleet. Pure. */

/** The farthest that one is from the mean, as a share of it; 0 where there is nothing. */
export function spreadOf(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return mean > 0 ? Math.max(...counts.map((count) => Math.abs(count - mean))) / mean : 0
}

/** The most events that any stretch of this length holds; a stretch may begin anywhere. */
export function mostWithin(timesMs: readonly number[], lengthMs: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b)
  let first = 0
  let most = 0
  for (const [index, timeMs] of sorted.entries()) {
    while ((sorted[first] ?? timeMs) <= timeMs - lengthMs) first += 1
    most = Math.max(most, index - first + 1)
  }
  return most
}
