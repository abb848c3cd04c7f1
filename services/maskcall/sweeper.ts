/**
 * What is due by the clock: sessions to check, end and release, calls that
 * nobody reports on any more, events that could not be told.
 *
 * Durable: due times are in MongoDB, claimed under a lease, so that what a
 * process leaves when it dies is another one's work a little later.
 */
import type { CallLog } from './call-log.ts'
import type { CallStore } from './call-store.ts'
import type { MaskcallEvents } from './events.ts'
import type { SessionStore } from './session-store.ts'
import type { Sessions } from './sessions.ts'

export interface SweeperParts {
  readonly sessions: Sessions
  readonly sessionStore: SessionStore
  readonly callLog: CallLog
  readonly callStore: CallStore
  readonly events: MaskcallEvents
  readonly nowMs: () => number
}

const LEASE_MS = 15_000
/** At once, in one process. */
const WORKERS = 16
/** In one run; what is left is the next one's. */
const STEPS_MAX = 2_000

interface Due<T> {
  readonly what: 'session' | 'call'
  claim(): Promise<T | undefined>
  settle(due: T): Promise<void>
  idOf(due: T): string
}

export class Sweeper {
  readonly #parts: SweeperParts

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  /** For the loop. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { sessions, sessionStore, callLog, callStore, nowMs } = this.#parts
    await this.#drain(signal, {
      what: 'call',
      claim: () => callStore.claimDue(nowMs(), LEASE_MS),
      settle: (record) => callLog.settleDue(record),
      idOf: ({ call }) => call.id,
    })
    await this.#drain(signal, {
      what: 'session',
      claim: () => sessionStore.claimDue(nowMs(), LEASE_MS),
      settle: (session) => sessions.settleDue(session),
      idOf: ({ id }) => id,
    })
  }

  async #drain<T>(signal: AbortSignal, { what, claim, settle, idOf }: Due<T>): Promise<void> {
    let steps = 0
    const work = async (): Promise<void> => {
      while (!signal.aborted && steps < STEPS_MAX) {
        steps += 1
        const due = await claim()
        if (due === undefined) return
        // One that fails is due again after its lease, and holds up no other.
        await settle(due).catch((error: unknown) => this.#parts.events.sweepFailed(what, idOf(due), error))
      }
    }
    await Promise.all(Array.from({ length: WORKERS }, work))
  }
}
