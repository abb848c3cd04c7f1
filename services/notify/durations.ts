/**
 * Times on a fixed scale, so that what several processes have seen adds up. Each
 * step is a fifth longer than the one before: a percentile is off by no more.
 *
 * Pure.
 */

/** By step of the scale, how many. */
export type Durations = Readonly<Record<number, number>>

const STEPS_PER_DOUBLING = 4
/** About 18 hours. */
const STEP_MAX = 26 * STEPS_PER_DOUBLING

export function stepOf(durationMs: number): number {
  if (durationMs <= 1) return 0
  return Math.min(STEP_MAX, Math.ceil(Math.log2(durationMs) * STEPS_PER_DOUBLING))
}

/** The longest time of the step, whole milliseconds. */
function longestMs(step: number): number {
  return Math.round(2 ** (step / STEPS_PER_DOUBLING))
}

export function addDurations(one: Durations, other: Durations): Durations {
  const sum: Record<number, number> = { ...one }
  for (const [step, count] of Object.entries(other)) sum[Number(step)] = (sum[Number(step)] ?? 0) + count
  return sum
}

/** The time that the given share of them did not outlast; 0 where there are none. */
export function percentileMs(durations: Durations, share: number): number {
  const steps = Object.entries(durations)
    .map(([step, count]) => [Number(step), count] as const)
    .sort(([one], [other]) => one - other)
  const total = steps.reduce((sum, [, count]) => sum + count, 0)
  let seen = 0
  for (const [step, count] of steps) {
    seen += count
    if (seen >= total * share) return longestMs(step)
  }
  return 0
}
