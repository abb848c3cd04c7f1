/** Small arithmetic of the documents' bench. */

export function secondsSince(startMs: number): number {
  return Math.round((performance.now() - startMs) / 10) / 100
}

export function quantilesOf(valuesMs: readonly number[]) {
  const sorted = valuesMs.toSorted((one, other) => one - other)
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}
