/**
 * Tells the people on duty of alerts that nobody has taken, or whose taker has
 * gone quiet. When the next step is due stands in the alert, so that the ladder
 * outlives every process.
 *
 * The message goes first and the record follows: a crash in between repeats a
 * message that notify recognises by its key, where the other order could lose
 * a step.
 */
import type { Clock } from '@hushryd/kernel/clock.ts'
import { type Alert, type EscalationTimes, escalate } from './alert.ts'
import type { AlertStore, Change } from './alert-store.ts'
import { type Message, onCallMessage } from './messages.ts'

export interface EscalatorOptions {
  readonly store: Pick<AlertStore, 'listDue' | 'write'>
  readonly send: (messages: readonly Message[]) => Promise<void>
  readonly times: EscalationTimes
  readonly clock: Clock
  readonly onEscalated: (alert: Alert) => void
}

const BATCH_MAX = 200

export class Escalator {
  readonly #options: EscalatorOptions

  constructor(options: EscalatorOptions) {
    this.#options = options
  }

  /** Takes every step that is due; rejects where neither NATS nor notify takes the messages, for the loop to come back. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, send, times, clock, onEscalated } = this.#options
    while (!signal.aborted) {
      const nowMs = clock.nowMs()
      const due = await store.listDue(nowMs, BATCH_MAX)
      if (due.length === 0) return
      const changes = due.flatMap((before): Change[] => {
        const after = escalate(before, nowMs, times)
        return after === undefined ? [] : [{ before, after }]
      })
      await send(changes.map(({ after }) => onCallMessage(after, after.escalations)))
      // One that was taken in the same moment stays as it is: the guard is its version.
      await store.write(changes)
      for (const { after } of changes) onEscalated(after)
      if (due.length < BATCH_MAX) return
    }
  }
}
