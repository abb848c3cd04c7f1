/** Waits for many things at once, as long as there is progress. */
import type { Clock } from '@hushryd/kernel/clock.ts'

/** Things that are under way together. */
export interface UnderWay {
  /** How many have not ended. */
  readonly open: number
  /** Resolves once all have. */
  readonly ended: Promise<void>
  /** Which have ended well so far, by their places. */
  kept(): boolean[]
}

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
  return await allKeptWithin(underWay(promises), stallMs, clock)
}

/** The same for what counts by itself how far it is. */
export async function allKeptWithin(
  things: UnderWay,
  stallMs: number,
  clock: Clock,
): Promise<readonly boolean[]> {
  if (things.open === 0) return things.kept()
  const { promise: stalled, resolve: giveUp } = Promise.withResolvers<void>()
  let openBefore = things.open
  const look = (): void => {
    if (things.open === openBefore) {
      giveUp()
      return
    }
    openBefore = things.open
    timer = clock.setTimer(lookSoon, stallMs)
  }
  // The loop first reads what has come in: a process that was busy is no store that is mute.
  const lookSoon = (): void => {
    timer = clock.setTimer(look, 0)
  }
  let timer = clock.setTimer(lookSoon, stallMs)
  await Promise.race([things.ended, stalled])
  timer.cancel()
  // What is kept from here on is not what the caller acts on.
  return things.kept()
}

function underWay(promises: readonly Promise<unknown>[]): UnderWay {
  const kept = new Array<boolean>(promises.length).fill(false)
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let open = promises.length
  const close = (): void => {
    open -= 1
    if (open === 0) end()
  }
  for (const [index, promise] of promises.entries()) {
    promise.then(() => {
      kept[index] = true
      close()
    }, close)
  }
  return {
    get open() {
      return open
    },
    ended,
    kept: () => [...kept],
  }
}
