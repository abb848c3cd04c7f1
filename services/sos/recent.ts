/**
 * What this process has completed lately, so that a repeat starts nothing again.
 */

/** Some megabytes, and more than a flood of minutes. */
const ALERTS_MAX = 100_000

export class Recent {
  readonly #owners = new Map<string, string>()
  readonly #max: number

  constructor(max = ALERTS_MAX) {
    this.#max = max
  }

  add(alertId: string, userId: string): void {
    this.#owners.set(alertId, userId)
    if (this.#owners.size <= this.#max) return
    const [oldest = ''] = this.#owners.keys()
    this.#owners.delete(oldest)
  }

  has(alertId: string): boolean {
    return this.#owners.has(alertId)
  }

  isOf(alertId: string, userId: string): boolean {
    return this.#owners.get(alertId) === userId
  }
}
