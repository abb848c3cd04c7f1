/** Uploads from their announcement to the queue of checks, within a person's quotas. */
import { randomBytes } from 'node:crypto'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type Document, type DocumentType, isSealed } from './document.ts'
import type { Announcement, DocumentStore } from './document-store.ts'
import type { DocsEvents } from './events.ts'
import { incomingKey } from './object-keys.ts'
import type { ObjectStore } from './object-store.ts'
import { WORK_AGAIN_MS } from './pipeline.ts'
import type { SignUpload, UploadAddress } from './upload-address.ts'
import type { UsageStore } from './usage-store.ts'
import type { WorkQueue } from './work-stream.ts'

export interface Quotas {
  readonly fileBytesMax: number
  /** Of a sealed file, which is answered as a message. */
  readonly sealedBytesMax: number
  readonly waitingMax: number
  readonly documentsMax: number
  readonly bytesPerDayMax: number
}

export interface UploadsParts {
  readonly store: DocumentStore
  readonly usage: UsageStore
  readonly objects: ObjectStore
  readonly queue: WorkQueue
  readonly sign: SignUpload
  readonly events: DocsEvents
  readonly quotas: Quotas
  /** How long an upload is waited for, from its last address on. */
  readonly keptMs: number
  readonly nowMs: () => number
}

const ID_BYTES = 15

export function newDocumentId(): string {
  return `d_${randomBytes(ID_BYTES).toString('base64url')}`
}

function limitReached(what: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_LIMIT_REACHED, what)
}

export class Uploads {
  readonly #parts: UploadsParts

  constructor(parts: UploadsParts) {
    this.#parts = parts
  }

  async begin(
    wish: Omit<Announcement, 'id'>,
  ): Promise<{ readonly document: Document; readonly address: UploadAddress }> {
    const { store, sign, events, keptMs, nowMs } = this.#parts
    this.#checkSize(wish.type, wish.sizeBytes)
    const id = newDocumentId()
    const document = await store.announce({ ...wish, id }, { nowMs: nowMs(), dueMs: nowMs() + keptMs })
    if (document.id === id) {
      await this.#checkQuotas(document)
      events.announced(document)
    }
    return { document, address: await sign(document, nowMs()) }
  }

  /** Queues the checks; a repeat changes nothing. */
  async complete(document: Document): Promise<Document> {
    const { store, objects, queue, nowMs } = this.#parts
    if (document.state !== 'uploading') {
      // Whose first answer was lost, his message may be, too.
      if (document.state === 'processing') await queue.put(document)
      return document
    }
    if ((await objects.findSize(incomingKey(document))) === undefined) {
      throw new DomainError(ErrorReason.ERROR_REASON_UPLOAD_MISSING, 'The file has not been uploaded yet.')
    }
    const change = { nowMs: nowMs(), dueMs: nowMs() + WORK_AGAIN_MS }
    const completed = await store.transit(document.id, 'complete', change)
    if (completed === undefined) return (await store.find(document.id)) ?? document
    await queue.put(completed)
    return completed
  }

  #checkSize(type: DocumentType, sizeBytes: number): void {
    const { fileBytesMax, sealedBytesMax } = this.#parts.quotas
    const max = isSealed(type) ? Math.min(fileBytesMax, sealedBytesMax) : fileBytesMax
    if (sizeBytes <= max) return
    throw new DomainError(ErrorReason.ERROR_REASON_TOO_LARGE, `The file may have at most ${max} bytes.`, {
      metadata: { maxBytes: String(max) },
    })
  }

  /** Counted after the announcement is stored: of any number at once, those too many all see themselves. */
  async #checkQuotas({ id, userId, sizeBytes }: Document): Promise<void> {
    const { store, usage, quotas, nowMs } = this.#parts
    const { waiting, all } = await store.countOf(userId, quotas.documentsMax + 1)
    const problem =
      waiting > quotas.waitingMax
        ? 'Too many uploads are waiting for their files.'
        : all > quotas.documentsMax
          ? 'The person has as many documents as one may have.'
          : (await usage.take(userId, sizeBytes, quotas.bytesPerDayMax, nowMs()))
            ? undefined
            : 'The person has uploaded as much as one may in a day.'
    if (problem === undefined) return
    await store.withdraw(id)
    throw limitReached(problem)
  }
}
