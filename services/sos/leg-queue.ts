/**
 * One leg's own line: batches of alerts, one batch at a time, tried at once up
 * to three times within the leg's budget, then by the backup channel. Legs do
 * not wait for each other, so that a store that stalls delays only its own.
 */
import { type Clock, pause } from '@hushryd/kernel/clock.ts'
import { GroupCommit } from '@hushryd/kernel/group-commit.ts'
import type { Leg, LegState } from './alert.ts'
import type { Entry } from './entry.ts'

/** Answers those that were not taken; throws where none was. */
export type TryLeg = (entries: readonly Entry[], timeoutMs: number) => Promise<readonly Entry[]>

/** How far the backup channel got with those that the leg itself failed for. */
export type BackUpLeg = (entries: readonly Entry[]) => Promise<LegState>

export interface LegQueueOptions {
  readonly leg: Leg
  readonly attempt: TryLeg
  readonly backUp: BackUpLeg
  /** For all attempts at a batch; the backup has what the answer's time leaves. */
  readonly budgetMs: number
  readonly clock: Clock
  readonly onSettled: (entries: readonly Entry[], leg: Leg, state: LegState) => void
  /** Told once for a batch, before its backup. */
  readonly onFailed: (leg: Leg, entries: readonly Entry[], error: unknown) => void
}

/** The embedded and the real MongoDB both take so many in some 50 ms. */
export const BATCH_MAX = 2_000
const ATTEMPTS_MAX = 3
const BACKOFF_MS = 10
const NEVER = new AbortController().signal

export class LegQueue {
  readonly #options: LegQueueOptions
  readonly #queue: GroupCommit<Entry>
  readonly #backups = new Set<Promise<void>>()

  constructor(options: LegQueueOptions) {
    this.#options = options
    this.#queue = new GroupCommit({ batchMax: BATCH_MAX, commit: (batch) => this.#commit(batch) })
  }

  get waiting(): number {
    return this.#queue.waiting
  }

  add(entry: Entry): void {
    this.#queue.add(entry)
  }

  async idle(): Promise<void> {
    await this.#queue.idle()
    await Promise.all(this.#backups)
  }

  async #commit(batch: readonly Entry[]): Promise<void> {
    const { leg, budgetMs, clock, onSettled, onFailed } = this.#options
    const untilMs = clock.nowMs() + budgetMs
    let left = batch
    let lastError: unknown
    for (let attempt = 0; attempt < ATTEMPTS_MAX && left.length > 0; attempt += 1) {
      if (attempt > 0) await pause(clock, BACKOFF_MS * 2 ** attempt, NEVER)
      const leftMs = untilMs - clock.nowMs()
      if (leftMs <= 0) break
      const tried = left
      try {
        left = await this.#options.attempt(tried, leftMs)
      } catch (error) {
        lastError = error
        continue
      }
      if (left.length === tried.length) continue
      onSettled(left.length === 0 ? tried : without(tried, left), leg, 'DONE')
    }
    if (left.length === 0) return
    onFailed(leg, left, lastError)
    // Beside the next batch: a backup that is slow holds up nobody.
    const backup = this.#backUp(left)
    this.#backups.add(backup)
    void backup.finally(() => this.#backups.delete(backup))
  }

  async #backUp(entries: readonly Entry[]): Promise<void> {
    const { leg, backUp, onSettled } = this.#options
    let state: LegState
    try {
      state = await backUp(entries)
    } catch {
      // The failure of the leg itself has been told; this one means that nothing is left to try.
      state = 'FAILED'
    }
    onSettled(entries, leg, state)
  }
}

function without(entries: readonly Entry[], others: readonly Entry[]): readonly Entry[] {
  const left = new Set(others)
  return entries.filter((entry) => !left.has(entry))
}
