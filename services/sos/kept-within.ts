/** Waits for many things at once, and no longer than the time allows. */
import type { Clock } from '@hushryd/kernel/clock.ts'

/** Which of the promises resolved within the time, by their places; the others are left to themselves. */
export async function keptWithin(
  promises: readonly Promise<unknown>[],
  timeoutMs: number,
  clock: Clock,
): Promise<readonly boolean[]> {
  const kept = new Array<boolean>(promises.length).fill(false)
  if (promises.length === 0) return kept
  const { promise: settled, resolve: finish } = Promise.withResolvers<void>()
  let open = promises.length
  const close = (): void => {
    open -= 1
    if (open === 0) finish()
  }
  for (const [index, promise] of promises.entries()) {
    promise.then(() => {
      kept[index] = true
      close()
    }, close)
  }
  const timer = clock.setTimer(finish, timeoutMs)
  await settled
  timer.cancel()
  // What is kept from here on is not what the caller acts on.
  return [...kept]
}
