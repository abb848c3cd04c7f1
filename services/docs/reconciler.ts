/**
 * Compares the bucket with the records: objects that no record speaks for, and
 * records whose file is not there. Neither comes about by the pipeline alone;
 * what does lead there is a file put by an address that was still good after
 * its document had gone, a bucket or database restored from a backup, or a
 * hand that deleted.
 */
import { type Document, hasFile, isSealed } from './document.ts'
import type { DocumentStore } from './document-store.ts'
import {
  fileKey,
  findDocumentId,
  INCOMING_PREFIX,
  incomingKey,
  PREFIXES,
  thumbnailKey,
} from './object-keys.ts'
import type { ObjectStore } from './object-store.ts'

export interface ReconcilerParts {
  readonly store: Pick<DocumentStore, 'find' | 'findMany' | 'pageOfAll' | 'transit'>
  readonly objects: Pick<ObjectStore, 'list' | 'findSize' | 'deleteAll'>
  readonly nowMs: () => number
}

export interface Findings {
  /** Keys of objects without a record that speaks for them. */
  readonly orphans: readonly string[]
  /** Ids of documents whose file is not there. */
  readonly lost: readonly string[]
}

const PAGE = 500
/** Questions to S3 at once. */
const WIDTH = 16
const LOST_TEXT = 'The file was lost on our side'

/** The objects that a document's record speaks for. */
function keysOf(document: Document): readonly string[] {
  switch (document.state) {
    case 'uploading':
      return [incomingKey(document)]
    case 'processing':
    case 'passed':
    // About to be cleaned by the step that it stands before.
    case 'rejecting':
    case 'deleting':
      return [incomingKey(document), fileKey(document), thumbnailKey(document)]
    case 'available':
    case 'approving':
    case 'approved':
      return neededKeys(document)
    case 'rejected':
      return []
  }
}

function neededKeys(document: Document): readonly string[] {
  const hasThumbnail = document.stored?.hasThumbnail === true && !isSealed(document.type)
  return hasThumbnail ? [fileKey(document), thumbnailKey(document)] : [fileKey(document)]
}

async function forEachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
}

export class Reconciler {
  readonly #parts: ReconcilerParts

  constructor(parts: ReconcilerParts) {
    this.#parts = parts
  }

  async compare(): Promise<Findings> {
    const orphans: string[] = []
    for (const prefix of PREFIXES) orphans.push(...(await this.findOrphans(prefix)))
    return { orphans, lost: await this.#findLost() }
  }

  /** For the loop: what was put into `incoming/` after its document had gone. */
  async sweepIncoming(): Promise<number> {
    const orphans = await this.findOrphans(INCOMING_PREFIX)
    await this.#parts.objects.deleteAll(orphans)
    return orphans.length
  }

  /** Deletes the orphans; documents without their file are rejected, and their owners asked for another. */
  async repair({ orphans, lost }: Findings): Promise<void> {
    const { objects, store, nowMs } = this.#parts
    for (let start = 0; start < orphans.length; start += PAGE) {
      await objects.deleteAll(orphans.slice(start, start + PAGE))
    }
    const rejection = { reason: 'damaged', text: LOST_TEXT } as const
    // Due at once: the service's sweeper hands them to the pipeline.
    await forEachOf(lost, async (id) => {
      await store.transit(id, 'refuse', { nowMs: nowMs(), dueMs: nowMs(), rejection })
    })
  }

  async findOrphans(prefix: string): Promise<readonly string[]> {
    const { store, objects } = this.#parts
    const orphans: string[] = []
    for await (const page of objects.list(prefix)) {
      const keys = page.map(({ key }) => key)
      const ids = keys.map(findDocumentId).filter((id) => id !== undefined)
      const documents = await store.findMany([...new Set(ids)])
      const suspects = keys.filter((key) => {
        const document = documents.get(findDocumentId(key) ?? '')
        return document === undefined || !keysOf(document).includes(key)
      })
      await forEachOf(suspects, async (key) => {
        // It may have been on its way out while the page was read.
        if ((await objects.findSize(key)) !== undefined && !(await this.#isSpokenFor(key))) orphans.push(key)
      })
    }
    return orphans
  }

  async #isSpokenFor(key: string): Promise<boolean> {
    const id = findDocumentId(key)
    const document = id === undefined ? undefined : await this.#parts.store.find(id)
    return document !== undefined && keysOf(document).includes(key)
  }

  async #findLost(): Promise<readonly string[]> {
    const { store } = this.#parts
    const lost: string[] = []
    let page = await store.pageOfAll('', PAGE)
    while (page.length > 0) {
      await forEachOf(page.filter(hasFile), async (document) => {
        if (!(await this.#isComplete(document)) && (await this.#isStillLost(document.id)))
          lost.push(document.id)
      })
      page = await store.pageOfAll(page.at(-1)?.id ?? '', PAGE)
    }
    return lost
  }

  async #isComplete(document: Document): Promise<boolean> {
    const sizes = await Promise.all(neededKeys(document).map((key) => this.#parts.objects.findSize(key)))
    return sizes.every((size) => size !== undefined)
  }

  /** Deleted meanwhile is not lost. */
  async #isStillLost(id: string): Promise<boolean> {
    const document = await this.#parts.store.find(id)
    return document !== undefined && hasFile(document) && !(await this.#isComplete(document))
  }
}
