/** Small arithmetic of the documents' bench, and work in bounded width. */

export function secondsSince(startMs: number): number {
  return Math.round((performance.now() - startMs) / 10) / 100
}

export function quantilesOf(valuesMs: readonly number[]) {
  const sorted = valuesMs.toSorted((one, other) => one - other)
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

/** `count` pieces of work, so many at once. */
export async function inTurn(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1
      await work(next - 1)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker))
}
