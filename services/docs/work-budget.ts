/**
 * Pixels that may be unpacked at the same time: what bounds the memory of
 * images, whose files say nothing about it. First come, first served.
 */
export class PixelBudget {
  readonly #max: number
  #free: number
  readonly #waiting: { readonly pixels: number; readonly start: () => void }[] = []

  constructor(max: number) {
    this.#max = max
    this.#free = max
  }

  /** One that is larger than all of it has it alone. */
  async run<T>(pixels: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(pixels, this.#max)
    if (this.#waiting.length > 0 || this.#free < taken) {
      await new Promise<void>((resolve) => this.#waiting.push({ pixels: taken, start: resolve }))
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
      next !== undefined && next.pixels <= this.#free;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift()
      this.#free -= next.pixels
      next.start()
    }
  }
}
