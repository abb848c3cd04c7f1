/**
 * Takes up what is due: receipts that stayed away, retries, the end of quiet
 * hours, and what a process that died has left. Due times are in the records,
 * so that they outlive every process; a claim moves them on by a lease, so that
 * one process alone has each.
 *
 * Each priority has its own workers, for the same reason as the lanes.
 */
import { randomUUID } from 'node:crypto'
import type { Log } from '@hushryd/kernel/log.ts'
import { type Loop, startLoop } from '@hushryd/kernel/loop.ts'
import { LEASE_MS } from './handover.ts'
import { type Notification, PRIORITIES, type Priority } from './notification.ts'
import { Pool } from './pool.ts'
import { type Claim, isUnavailable } from './record-store.ts'
import type { Records } from './records.ts'
import type { Sender } from './sender.ts'

export interface TimersParts {
  readonly records: Pick<Records, 'claimDue' | 'storeKept'>
  readonly sender: Pick<Sender, 'advance'>
  readonly log: Log
  readonly nowMs: () => number
  readonly workers: Readonly<Record<Priority, number>>
}

/** How late a step may be taken up; MongoDB answers each look from an index. */
const LOOK_EVERY_MS: Readonly<Record<Priority, number>> = { high: 200, normal: 1_000, low: 2_000 }
const STORE_EVERY_MS = 500

export class Timers implements AsyncDisposable {
  readonly #parts: TimersParts
  readonly #loops: Loop[] = []
  readonly #pools: Pool[] = []

  constructor(parts: TimersParts) {
    const { records, log, workers } = parts
    this.#parts = parts
    for (const priority of PRIORITIES) {
      const pool = new Pool(workers[priority])
      this.#pools.push(pool)
      this.#loops.push(
        startLoop({
          name: `timers ${priority}`,
          everyMs: LOOK_EVERY_MS[priority],
          log,
          backoffMaxMs: LOOK_EVERY_MS[priority],
          run: (signal) => this.#takeDue(priority, pool, signal),
        }),
      )
    }
    this.#loops.push(
      startLoop({ name: 'store kept', everyMs: STORE_EVERY_MS, log, run: () => records.storeKept() }),
    )
  }

  async #takeDue(priority: Priority, pool: Pool, signal: AbortSignal): Promise<void> {
    const { sender, nowMs } = this.#parts
    while (!signal.aborted) {
      await pool.room()
      const now = nowMs()
      const claim = { priority, nowMs: now, leaseUntilMs: now + LEASE_MS, lease: randomUUID() }
      const due = await this.#claim(claim)
      if (due === undefined) return
      pool.start(() => sender.advance(due))
    }
  }

  async #claim(claim: Claim): Promise<Notification | undefined> {
    try {
      return await this.#parts.records.claimDue(claim)
    } catch (error) {
      // Said once by the store's own log; what is kept in memory is looked after meanwhile.
      if (isUnavailable(error)) return undefined
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()))
    await Promise.all(this.#pools.map((pool) => pool.idle()))
    await this.#storeLast()
  }

  /** What is kept goes with this process; another one would do it again. */
  async #storeLast(): Promise<void> {
    const { records, log } = this.#parts
    try {
      await records.storeKept()
    } catch (error) {
      log.error({ err: error }, 'not all records could be stored before the stop')
    }
  }
}
