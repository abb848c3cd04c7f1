/**
 * What this process has completed lately, so that a repeat starts nothing again.
 *
 * Two generations: the older one goes as a whole when the younger one is full.
 * A map that loses its first entry for each new one finds the next first one
 * ever more slowly.
 */

/** Some megabytes; the last half of it is known at least, which is more than a flood. */
const ALERTS_MAX = 100_000

export class Recent {
  #young = new Map<string, string>()
  #old: ReadonlyMap<string, string> = new Map()
  readonly #generationMax: number

  constructor(max = ALERTS_MAX) {
    this.#generationMax = Math.ceil(max / 2)
  }

  add(alertId: string, userId: string): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(alertId, userId)
  }

  has(alertId: string): boolean {
    return this.#young.has(alertId) || this.#old.has(alertId)
  }

  isOf(alertId: string, userId: string): boolean {
    return (this.#young.get(alertId) ?? this.#old.get(alertId)) === userId
  }
}
