/**
 * A person's number on its way to an adapter. It gives itself away to nobody
 * who does not ask by name: not to JSON, not to a template string, not to a
 * log or an inspector.
 */
import { inspect } from 'node:util'

const SHOWN = '[phone number]'

export class PhoneNumber {
  readonly #open: () => string

  /** Opened only when it is asked for, by the adapter that dials it. */
  constructor(open: () => string) {
    this.#open = open
  }

  /** E.164. */
  reveal(): string {
    return this.#open()
  }

  toString(): string {
    return SHOWN
  }

  toJSON(): string {
    return SHOWN
  }

  [inspect.custom](): string {
    return SHOWN
  }
}
