/**
 * A connection's frame rate: a token bucket, and past it a flood guard.
 *
 * Pure: the caller supplies the time. One object a socket, so it holds five numbers.
 */
import { EXCESS_FRAMES_MAX, FRAMES_BURST, FRAMES_PER_SECOND } from './limits.ts'

export interface FrameRate {
  tokens: number
  filledAtMs: number
  /** The second, since 1970, that the next two count in. */
  excessSecond: number
  excess: number
  /** Errors without an id are told once a second. */
  toldAtMs: number
}

export type RateVerdict = 'take' | 'refuse' | 'refuse and pause'

export function newFrameRate(nowMs: number): FrameRate {
  return { tokens: FRAMES_BURST, filledAtMs: nowMs, excessSecond: 0, excess: 0, toldAtMs: 0 }
}

/** One more frame came. */
export function countFrame(rate: FrameRate, nowMs: number): RateVerdict {
  const elapsedMs = nowMs - rate.filledAtMs
  if (elapsedMs > 0) {
    rate.tokens = Math.min(FRAMES_BURST, rate.tokens + (elapsedMs * FRAMES_PER_SECOND) / 1000)
    rate.filledAtMs = nowMs
  } else if (elapsedMs < 0) {
    // The clock was set back: time starts again here.
    rate.filledAtMs = nowMs
  }
  if (rate.tokens >= 1) {
    rate.tokens -= 1
    return 'take'
  }
  const second = Math.floor(nowMs / 1000)
  if (second !== rate.excessSecond) {
    rate.excessSecond = second
    rate.excess = 0
  }
  rate.excess += 1
  return rate.excess > EXCESS_FRAMES_MAX ? 'refuse and pause' : 'refuse'
}

/** Until a frame is taken again. */
export function retryAfterMs(rate: FrameRate): number {
  return Math.max(1, Math.ceil(((1 - rate.tokens) * 1000) / FRAMES_PER_SECOND))
}

/** True at most once a second: whether to answer a refused frame that has no id. */
export function mayTell(rate: FrameRate, nowMs: number): boolean {
  if (nowMs - rate.toldAtMs < 1000 && nowMs >= rate.toldAtMs) return false
  rate.toldAtMs = nowMs
  return true
}
