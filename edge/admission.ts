/**
 * Whether a node takes one more socket: a bound on the rate, on handshakes
 * under way and on the number. Pure: the caller supplies time and counts.
 */

export interface AdmissionLimits {
  readonly connectsPerSecond: number
  readonly connectionsMax: number
}

export interface NodeState {
  readonly connections: number
  /** Upgrades whose credentials are being looked at. */
  readonly handshakes: number
}

export type Admission =
  | { readonly isAdmitted: true }
  | { readonly isAdmitted: false; readonly retryAfterMs: number }

/** Looking at credentials takes a millisecond; with so many under way the store is slow, and more would not help. */
export const HANDSHAKES_MAX = 512
/** Those refused come back over this time, so that they do not return as one wave. */
const RETRY_SPREAD_MS = 4_000
const RETRY_MIN_MS = 1_000

export class AdmissionGate {
  readonly #limits: AdmissionLimits
  readonly #random: () => number
  #tokens: number
  #filledAtMs: number

  constructor(limits: AdmissionLimits, nowMs: number, random: () => number = Math.random) {
    this.#limits = limits
    this.#random = random
    this.#tokens = limits.connectsPerSecond
    this.#filledAtMs = nowMs
  }

  /** One more socket asks. */
  admit(nowMs: number, { connections, handshakes }: NodeState): Admission {
    const { connectsPerSecond, connectionsMax } = this.#limits
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs)
    this.#tokens = Math.min(connectsPerSecond, this.#tokens + (elapsedMs * connectsPerSecond) / 1000)
    this.#filledAtMs = nowMs
    const isFull = connections + handshakes >= connectionsMax || handshakes >= HANDSHAKES_MAX
    if (isFull || this.#tokens < 1) return { isAdmitted: false, retryAfterMs: this.#retryAfterMs() }
    this.#tokens -= 1
    return { isAdmitted: true }
  }

  /** The one admitted had no right to come: others are not kept waiting for it. */
  refund(): void {
    this.#tokens = Math.min(this.#limits.connectsPerSecond, this.#tokens + 1)
  }

  #retryAfterMs(): number {
    return Math.round(RETRY_MIN_MS + this.#random() * RETRY_SPREAD_MS)
  }
}
