/** Who opened a sealed document, when and why: kept in the database, beyond the days of the log of operations. */
import type { CollectionSpec, MongoLink } from '@hushryd/kernel/stores/mongo.ts'

export interface Opening {
  readonly documentId: string
  readonly userId: string
  readonly openedBy: string
  readonly reason: string
  readonly openedAt: Date
}

const text = { bsonType: 'string' }

export const openingsSpec: CollectionSpec = {
  name: 'document_openings',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['documentId', 'userId', 'openedBy', 'reason', 'openedAt'],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'objectId' },
        documentId: text,
        userId: text,
        openedBy: text,
        reason: text,
        openedAt: { bsonType: 'date' },
      },
    },
  },
  indexes: [
    { name: 'of_document', key: { documentId: 1, openedAt: -1 } },
    { name: 'of_admin', key: { openedBy: 1, openedAt: -1 } },
  ],
}

/** Never deleted with the document: that it was seen stays true. */
export async function recordOpening(link: MongoLink, opening: Opening): Promise<void> {
  await link.run((db) => db.collection<Opening>(openingsSpec.name).insertOne({ ...opening }))
}
