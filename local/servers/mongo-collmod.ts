/**
 * `collMod` for the embedded engine, which has none: a new validator comes with
 * a copy of the collection that takes the old one's place.
 *
 * Services ask for it at their start, when an update of the code has changed a
 * validator. What is written to the collection during the copy is lost, which
 * only a stack on one machine can afford.
 */
import { BSON, type Document, type MongoClient } from 'mongodb'

/** Header, flags, the kind of the first section; then its document: length, type of the first field. */
const DOCUMENT_AT = 21
const NAME_AT = DOCUMENT_AT + 5
const NAME = Buffer.from('collMod\0')
const COPY_BATCH = 1000

export interface CollMod {
  readonly db: string
  readonly name: string
  readonly validator: Document
}

/** Undefined for every other message; looks only at the name of the first field, since all messages pass here. */
export function findCollMod(message: Buffer): CollMod | undefined {
  if (message.length < NAME_AT + NAME.length) return undefined
  if (NAME.compare(message, NAME_AT, NAME_AT + NAME.length) !== 0) return undefined
  const length = message.readInt32LE(DOCUMENT_AT)
  const { collMod, validator, $db } = BSON.deserialize(message.subarray(DOCUMENT_AT, DOCUMENT_AT + length))
  return { db: String($db), name: String(collMod), validator: Object(validator) as Document }
}

/** The answer of a server whose command went well. */
export function okBody(): Buffer {
  return Buffer.from(BSON.serialize({ ok: 1 }))
}

export async function replaceValidator(
  client: MongoClient,
  { db: dbName, name, validator }: CollMod,
): Promise<void> {
  const db = client.db(dbName)
  const copyName = `${name}.collmod`
  await db.dropCollection(copyName)
  const copy = await db.createCollection(copyName, { validator })
  const indexes = await db.collection(name).indexes()
  const own = indexes.filter((index) => index.name !== '_id_')
  if (own.length > 0)
    await copy.createIndexes(own.map(({ v, ...index }) => ({ ...index, name: String(index.name) })))
  let batch: Document[] = []
  const flush = async (): Promise<void> => {
    // As collMod: documents from before stay, whether or not the new validator would take them.
    if (batch.length > 0) await copy.insertMany(batch, { bypassDocumentValidation: true })
    batch = []
  }
  for await (const document of db.collection(name).find()) {
    batch.push(document)
    if (batch.length === COPY_BATCH) await flush()
  }
  await flush()
  await copy.rename(name, { dropTarget: true })
}
