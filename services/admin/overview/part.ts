/** One part of the overview: read when it is asked for, at most so often, and for all who ask at once. */
import type { Reading } from '@hushryd/gen/hushryd/admin/v1/overview.ts'

export interface PartOptions<F> {
  /** Rejects where its source is away. */
  readonly read: () => Promise<F>
  /** What is shown beside `unknown` before anything was ever read. */
  readonly nothing: F
  readonly nowMs: () => number
  readonly onFailed: (error: unknown) => void
}

export type Known<F> = F & { readonly reading: Reading }

/** Younger figures are shown as they are, so that a room full of open pages costs what one does. */
const FRESH_MS = 1_000
/** A source that is slower than this is as good as away; the others do not wait for it. */
export const READ_TIMEOUT_MS = 1_000

export class Part<F extends object> {
  readonly #options: PartOptions<F>
  #figures: F
  #readAtMs = 0
  #isUnknown = true
  /** One record an outage, not one a look. */
  #isTold = false
  #refresh: Promise<void> | undefined

  constructor(options: PartOptions<F>) {
    this.#options = options
    this.#figures = options.nothing
  }

  async get(): Promise<Known<F>> {
    const isFresh = !this.#isUnknown && this.#options.nowMs() - this.#readAtMs < FRESH_MS
    if (!isFresh) {
      this.#refresh ??= this.#read().finally(() => {
        this.#refresh = undefined
      })
      await this.#refresh
    }
    return { ...this.#figures, reading: { readAt: this.#readAtMs, unknown: this.#isUnknown } }
  }

  async #read(): Promise<void> {
    try {
      this.#figures = await withinTime(this.#options.read())
      this.#readAtMs = this.#options.nowMs()
      this.#isUnknown = false
      this.#isTold = false
    } catch (error) {
      if (!this.#isTold) this.#options.onFailed(error)
      this.#isTold = true
      this.#isUnknown = true
    }
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${READ_TIMEOUT_MS} ms`)), READ_TIMEOUT_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
