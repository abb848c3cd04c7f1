/** Waits for many things at once, as long as there is progress. */
import type { Clock } from '@hushryd/kernel/clock.ts'

/**
 * Which of the promises resolved, by their places, when all have settled or
 * none has for so long: a store that is busy is waited for, one that is mute is
 * not. The others are left to themselves.
 */
export async function keptWithin(
  promises: readonly Promise<unknown>[],
  stallMs: number,
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
  let openBefore = open
  const look = (): void => {
    if (open === openBefore) {
      finish()
      return
    }
    openBefore = open
    timer = clock.setTimer(lookSoon, stallMs)
  }
  // The loop first reads what has come in: a process that was busy is no store that is mute.
  const lookSoon = (): void => {
    timer = clock.setTimer(look, 0)
  }
  let timer = clock.setTimer(lookSoon, stallMs)
  await settled
  timer.cancel()
  // What is kept from here on is not what the caller acts on.
  return [...kept]
}
