/**
 * The log's own record of alerts, which is there whatever becomes of the
 * stores: one line for an alert that comes alone, one for up to a hundred of a
 * flood.
 */
import type { Log } from '@hushryd/kernel/log.ts'
import { chunk } from './chunk.ts'
import type { Entry } from './entry.ts'

const LINE_MAX = 100

export class RaisedLog {
  readonly #log: Log
  #entries: Entry[] = []

  constructor(log: Log) {
    this.#log = log
  }

  add(entry: Entry): void {
    this.#entries.push(entry)
    if (this.#entries.length === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const entries = this.#entries
    this.#entries = []
    this.#write(
      entries.filter(({ earlier }) => earlier === undefined),
      'alerts raised',
    )
    this.#write(
      entries.filter(({ earlier }) => earlier !== undefined),
      'alerts repeated',
    )
  }

  #write(entries: readonly Entry[], message: string): void {
    for (const part of chunk(entries, LINE_MAX)) {
      const [only, second] = part
      // A text, since the log cuts lists short.
      const alertIds = part.map(({ alert }) => alert.alertId).join(' ')
      const open = part.filter((entry) => !entry.isComplete).length
      const fields = { alerts: part.length, alertIds, withOpenLegs: open }
      if (only === undefined || second !== undefined) this.#log.info(fields, message)
      else this.#log.info({ ...fields, userId: only.alert.userId, legs: only.outcomes }, message)
    }
  }
}
