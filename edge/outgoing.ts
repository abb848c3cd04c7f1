/** What goes up a stream: pushed by many, pulled by one. */
export class Outgoing<T> implements AsyncIterable<T> {
  readonly #queue: T[] = []
  #wake: (() => void) | undefined
  #hasEnded = false

  get length(): number {
    return this.#queue.length
  }

  push(item: T): void {
    if (this.#hasEnded) return
    this.#queue.push(item)
    this.#wake?.()
  }

  end(): void {
    this.#hasEnded = true
    this.#queue.length = 0
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    while (!this.#hasEnded) {
      for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) yield item
      if (this.#hasEnded) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }
}
