/** The pool of virtual numbers in MongoDB, brought up to date from the setting at each start. */
import type { CollectionSpec, MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import type { Filter } from 'mongodb'
import type { PoolNumber } from './number-list.ts'
import { PROVIDER_NAMES, type ProviderName } from './voice-provider.ts'

/** `paused`: nobody new gets it, the sessions that have it keep it. Set by operators, never by a start. */
export type NumberState = 'active' | 'paused' | 'retired'

export interface KnownNumber extends PoolNumber {
  readonly state: NumberState
}

interface NumberDocument {
  /** E.164. */
  readonly _id: string
  readonly provider: ProviderName
  readonly country: string
  readonly circle: string
  readonly state: NumberState
}

const text = { bsonType: 'string' }

export const numbersSpec: CollectionSpec = {
  name: 'mask_numbers',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'provider', 'country', 'circle', 'state'],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'string', pattern: '^\\+[1-9][0-9]{6,14}$' },
        provider: { enum: [...PROVIDER_NAMES] },
        country: { bsonType: 'string', pattern: '^[A-Z]{2}$' },
        circle: text,
        state: { enum: ['active', 'paused', 'retired'] },
      },
    },
  },
}

export class NumberStore {
  readonly #link: MongoLink

  constructor(link: MongoLink) {
    this.#link = link
  }

  /** Numbers that are no longer in the list are retired; those that are paused stay so. */
  async seed(numbers: readonly PoolNumber[]): Promise<void> {
    await this.#link.run(async (db) => {
      const collection = db.collection<NumberDocument>(numbersSpec.name)
      const operations = numbers.flatMap(({ number, provider, country, circle }) => [
        {
          updateOne: {
            filter: { _id: number },
            update: { $set: { provider, country, circle }, $setOnInsert: { state: 'active' as const } },
            upsert: true,
          },
        },
        {
          updateOne: {
            filter: { _id: number, state: 'retired' as const },
            update: { $set: { state: 'active' as const } },
          },
        },
      ])
      if (operations.length > 0) await collection.bulkWrite(operations, { ordered: true })
      await collection.updateMany(
        { _id: { $nin: numbers.map(({ number }) => number) } },
        { $set: { state: 'retired' } },
      )
    })
  }

  async listActive(): Promise<PoolNumber[]> {
    return (await this.#list({ state: 'active' })).map(({ state: _state, ...number }) => number)
  }

  async listAll(): Promise<KnownNumber[]> {
    return await this.#list({})
  }

  async #list(filter: Filter<NumberDocument>): Promise<KnownNumber[]> {
    const documents = await this.#link.run((db) =>
      db.collection<NumberDocument>(numbersSpec.name).find(filter).toArray(),
    )
    return documents.map(({ _id, ...rest }) => ({ number: _id, ...rest }))
  }
}
