/** PINs in MongoDB, with the limit on wrong ones: each try is counted before it is looked at. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { CollectionSpec, MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import type { Collection } from 'mongodb'
import { findCounting, hashPins, matchPin, type PinRecord, type PinSet, replacePins } from './pins.ts'

interface PinDocument {
  readonly _id: string
  readonly current: PinSet
  readonly earlier?: PinSet
  /** When PINs were tried that were not right, milliseconds since 1970. */
  readonly tries: readonly number[]
  readonly version: number
}

const pinSet = { bsonType: 'object', required: ['keyId', 'salt', 'pin', 'duress', 'setMs'] }

export const pinsSpec: CollectionSpec = {
  name: 'sos_pins',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'current', 'tries', 'version'],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'string' },
        current: pinSet,
        earlier: pinSet,
        tries: { bsonType: 'array', maxItems: 5 },
        version: { bsonType: ['int', 'long', 'double'] },
      },
    },
  },
}

const TRIES_MAX = 5
const WINDOW_MS = 10 * 60 * 1000
const CHANGES_MAX = 20

export interface PinStoreOptions {
  readonly mongo: MongoLink
  readonly ring: KeyRing
  readonly nowMs: () => number
}

export class PinStore {
  readonly #options: PinStoreOptions
  readonly #collection: Collection<PinDocument>

  constructor(options: PinStoreOptions) {
    this.#options = options
    this.#collection = options.mongo.db.collection<PinDocument>(pinsSpec.name)
  }

  /** Wrong tries stay counted: new PINs are no way around the limit. Answers when they were set. */
  async put(
    userId: string,
    pins: { readonly pin: string; readonly duressPin: string },
    openSinceMs: number | undefined,
  ): Promise<number> {
    const { ring, nowMs } = this.#options
    const set = await hashPins(ring, { ...pins, setMs: nowMs() })
    await this.#change(userId, (held) => ({
      ...replacePins(held === undefined ? undefined : recordOf(held), set, openSinceMs),
      tries: held?.tries ?? [],
    }))
    return set.setMs
  }

  /** For an alert that was raised then. Throws PIN_NOT_SET, WRONG_PIN or RATE_LIMITED. */
  async check(userId: string, given: string, raisedMs: number): Promise<'pin' | 'duress'> {
    const { ring, nowMs } = this.#options
    const atMs = nowMs()
    const held = await this.#change(userId, (document) => {
      if (document === undefined) throw notSet()
      const tries = document.tries.filter((triedMs) => triedMs > atMs - WINDOW_MS)
      const [oldest = 0] = tries
      if (tries.length >= TRIES_MAX) throw tooMany(oldest + WINDOW_MS - atMs)
      return { ...recordOf(document), tries: [...tries, atMs] }
    })
    const set = findCounting(held, raisedMs)
    if (set === undefined) throw notSet()
    const match = await matchPin(ring, set, given)
    if (match === 'wrong') throw wrong()
    await this.#change(userId, (document) => ({
      ...(document === undefined ? held : recordOf(document)),
      tries: [],
    }))
    return match
  }

  async #change(
    userId: string,
    apply: (held: PinDocument | undefined) => PinRecord & { readonly tries: readonly number[] },
  ): Promise<PinRecord> {
    for (let tries = 0; tries < CHANGES_MAX; tries += 1) {
      const held = (await this.#run((pins) => pins.findOne({ _id: userId }))) ?? undefined
      const { current, earlier, tries: counted } = apply(held)
      const fields = { current, ...(earlier === undefined ? {} : { earlier }), tries: counted }
      const version = held?.version ?? 0
      const { matchedCount, upsertedCount } = await this.#run((pins) =>
        pins.replaceOne(
          { _id: userId, version },
          { ...fields, version: version + 1 },
          { upsert: version === 0 },
        ),
      )
      if (matchedCount + upsertedCount === 1) return { current, earlier }
    }
    throw new Error(`PINs changed ${CHANGES_MAX} times while one change was tried`)
  }

  async #run<T>(work: (pins: Collection<PinDocument>) => Promise<T>): Promise<T> {
    return await this.#options.mongo.run(() => work(this.#collection))
  }
}

function recordOf({ current, earlier }: PinDocument): PinRecord {
  return { current, earlier }
}

function notSet(): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_PIN_NOT_SET,
    'No PIN was set before the alert; operations close it.',
  )
}

function wrong(): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_WRONG_PIN, 'This is not the PIN.')
}

function tooMany(retryAfterMs: number): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_RATE_LIMITED, 'The PIN was wrong too often.', {
    retryAfterMs,
  })
}
