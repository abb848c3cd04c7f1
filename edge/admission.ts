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
  | { readonly isAdmitted: true; readonly slot: number }
  | { readonly isAdmitted: false; readonly retryAfterMs: number }

/** Looking at credentials takes a millisecond; with so many under way the store is slow, and more would not help. */
export const HANDSHAKES_MAX = 512
/** Those refused come back over this time, so that they do not return as one wave. */
const RETRY_SPREAD_MS = 4_000
const RETRY_MIN_MS = 1_000

/** Time in which sockets are counted together. */
const SLOT_MS = 50
/** One more than a second has: a second that begins within a slot reaches into as many. */
const SLOTS = 1_000 / SLOT_MS + 1

/**
 * Never more than the rate in any second, wherever the second begins: a bucket
 * of tokens would let twice as many through when it is full.
 */
export class AdmissionGate {
  readonly #limits: AdmissionLimits
  readonly #random: () => number
  /** Admitted in the last SLOTS slots, by slot modulo SLOTS, */
  readonly #counts = new Array<number>(SLOTS).fill(0)
  /** their sum, */
  #admitted = 0
  /** and the newest of them, counted from 1970. */
  #slot: number

  constructor(limits: AdmissionLimits, nowMs: number, random: () => number = Math.random) {
    this.#limits = limits
    this.#random = random
    this.#slot = slotOf(nowMs)
  }

  /** One more socket asks. */
  admit(nowMs: number, { connections, handshakes }: NodeState): Admission {
    const { connectsPerSecond, connectionsMax } = this.#limits
    this.#forgetUntil(slotOf(nowMs))
    const isFull = connections + handshakes >= connectionsMax || handshakes >= HANDSHAKES_MAX
    if (isFull || this.#admitted >= connectsPerSecond) {
      return { isAdmitted: false, retryAfterMs: this.#retryAfterMs() }
    }
    this.#count(this.#slot, 1)
    return { isAdmitted: true, slot: this.#slot }
  }

  /** The one admitted in that slot had no right to come: others are not kept waiting for it. */
  refund(slot: number): void {
    const isCounted = slot > this.#slot - SLOTS && slot <= this.#slot && (this.#counts[slot % SLOTS] ?? 0) > 0
    if (isCounted) this.#count(slot, -1)
  }

  /** Where the clock was set back, what was counted is kept for a second from there. */
  #forgetUntil(slot: number): void {
    const passed = Math.min(SLOTS, slot - this.#slot)
    for (let back = passed - 1; back >= 0; back -= 1) {
      this.#count(slot - back, -(this.#counts[(slot - back) % SLOTS] ?? 0))
    }
    this.#slot = slot
  }

  #count(slot: number, change: number): void {
    this.#counts[slot % SLOTS] = (this.#counts[slot % SLOTS] ?? 0) + change
    this.#admitted += change
  }

  #retryAfterMs(): number {
    return Math.round(RETRY_MIN_MS + this.#random() * RETRY_SPREAD_MS)
  }
}

function slotOf(timeMs: number): number {
  return Math.floor(timeMs / SLOT_MS)
}
