/** Ids that were met lately, so many of the newest. */
export class RecentIds {
  readonly #ids = new Set<string>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string): void {
    this.#ids.add(id)
    if (this.#ids.size <= this.#max) return
    const [oldest = ''] = this.#ids
    this.#ids.delete(oldest)
  }
}
