/**
 * Work that may be under way at the same time, by what each piece takes of a
 * budget: pixels that are unpacked, requests at the database. First come,
 * first served; what waits costs next to nothing.
 */
export class WorkBudget {
  readonly #max: number
  #free: number
  readonly #waiting: { readonly cost: number; readonly start: () => void }[] = []

  constructor(max: number) {
    this.#max = max
    this.#free = max
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** One that takes more than there is has all of it alone. */
  async run<T>(cost: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(cost, this.#max)
    if (this.#waiting.length > 0 || this.#free < taken) {
      await new Promise<void>((resolve) => this.#waiting.push({ cost: taken, start: resolve }))
    } else {
      this.#free -= taken
    }
    try {
      return await work()
    } finally {
      this.#free += taken
      this.#startNext()
    }
  }

  #startNext(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && next.cost <= this.#free;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift()
      this.#free -= next.cost
      next.start()
    }
  }
}
