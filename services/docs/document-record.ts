/** A document as MongoDB holds it: no content, no key of S3, nothing that is not asked for. */
import type { CollectionSpec } from '@hushryd/kernel/stores/mongo.ts'
import { CONTENT_TYPES, DELETIONS, DOCUMENT_TYPES, type Document, REJECTIONS, STATES } from './document.ts'

/** Only what is searched for by time has MongoDB's own type. */
export interface DocumentRecord extends Omit<Document, 'id' | 'createdMs'> {
  readonly _id: string
  readonly createdAt: Date
  /** When somebody has to look at it: nothing leads on by itself from a process that died. */
  readonly dueAt?: Date
}

const text = { bsonType: 'string' }
const number = { bsonType: ['int', 'long', 'double'] }
const oneOf = (values: readonly string[]) => ({ enum: [...values] })

export const documentsSpec: CollectionSpec = {
  name: 'documents',
  validator: {
    $jsonSchema: {
      bsonType: 'object',
      required: [
        '_id',
        'userId',
        'type',
        'fileName',
        'contentType',
        'sizeBytes',
        'sha256',
        'state',
        'createdAt',
        'changedMs',
        'examinations',
      ],
      additionalProperties: false,
      properties: {
        _id: { bsonType: 'string', pattern: '^d_[A-Za-z0-9_-]{8,64}$' },
        userId: text,
        type: oneOf(DOCUMENT_TYPES),
        fileName: text,
        contentType: oneOf(CONTENT_TYPES),
        sizeBytes: number,
        sha256: { bsonType: 'string', pattern: '^[0-9a-f]{64}$' },
        state: oneOf(STATES),
        createdAt: { bsonType: 'date' },
        changedMs: number,
        examinations: number,
        dueAt: { bsonType: 'date' },
        stored: {
          bsonType: 'object',
          required: ['contentType', 'sizeBytes', 'hasThumbnail'],
          additionalProperties: false,
          properties: {
            contentType: oneOf(CONTENT_TYPES),
            sizeBytes: number,
            hasThumbnail: { bsonType: 'bool' },
          },
        },
        rejection: {
          bsonType: 'object',
          required: ['reason', 'text'],
          additionalProperties: false,
          properties: { reason: oneOf(REJECTIONS), text },
        },
        review: {
          bsonType: 'object',
          required: ['by', 'atMs'],
          additionalProperties: false,
          properties: { by: text, atMs: number },
        },
        deletion: oneOf(DELETIONS),
        isOwnerUntold: { bsonType: 'bool' },
      },
    },
  },
  indexes: [
    // A wish that is repeated while its file is missing is the same upload.
    {
      name: 'one_upload',
      key: { userId: 1, type: 1, sha256: 1 },
      unique: true,
      partialFilterExpression: { state: 'uploading' },
    },
    { name: 'of_user', key: { userId: 1, createdAt: -1, _id: -1 } },
    { name: 'by_state', key: { state: 1, createdAt: -1, _id: -1 } },
    { name: 'by_type', key: { type: 1, createdAt: -1, _id: -1 } },
    { name: 'newest', key: { createdAt: -1, _id: -1 } },
    { name: 'due', key: { dueAt: 1 }, partialFilterExpression: { dueAt: { $exists: true } } },
  ],
}

export function toDocument({ _id, createdAt, dueAt: _dueAt, ...rest }: DocumentRecord): Document {
  return { id: _id, createdMs: createdAt.getTime(), ...rest }
}
