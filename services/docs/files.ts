/** What shows a stored file: links, and for a sealed one the file itself, to admins with a reason. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { Announcer } from './announcer.ts'
import { type Document, hasFile, isSealed } from './document.ts'
import type { DocsEvents } from './events.ts'
import type { SignLink } from './links.ts'
import { fileKey, thumbnailKey } from './object-keys.ts'
import type { ObjectStore } from './object-store.ts'
import type { Opening } from './opening-log.ts'
import { unsealFile } from './sealed-file.ts'

export interface FilesParts {
  readonly objects: ObjectStore
  readonly sign: SignLink
  /** How long a link shows the file. */
  readonly linkMs: number
  readonly ring: KeyRing
  readonly recordOpening: (opening: Opening) => Promise<void>
  readonly announcer: Pick<Announcer, 'tellOpened'>
  readonly events: DocsEvents
  readonly nowMs: () => number
}

/** Beside the ciphertext: a header, a nonce and a tag. */
const SEAL_BYTES_MAX = 1_024

function conflict(message: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_DOCUMENT_STATE_CONFLICT, message)
}

export class Files {
  readonly #parts: FilesParts

  constructor(parts: FilesParts) {
    this.#parts = parts
  }

  async link(document: Document) {
    const { sign, linkMs, nowMs } = this.#parts
    if (!hasFile(document)) throw conflict('The document has no file to show.')
    if (isSealed(document.type)) throw conflict('The document is sealed: operations open it with a reason.')
    const signedMs = nowMs()
    const hasThumbnail = document.stored?.hasThumbnail === true
    return {
      url: await sign(fileKey(document), signedMs),
      expiresAt: signedMs + linkMs,
      thumbnailUrl: hasThumbnail ? await sign(thumbnailKey(document), signedMs) : '',
    }
  }

  async open(document: Document, { adminId, reason }: { readonly adminId: string; readonly reason: string }) {
    const { objects, ring, recordOpening, announcer, events, nowMs } = this.#parts
    const { stored } = document
    if (!hasFile(document) || stored === undefined) throw conflict('The document has no file to show.')
    if (!isSealed(document.type)) throw conflict('The document is not sealed: a link leads to it.')
    const read = await objects.read(fileKey(document), stored.sizeBytes + SEAL_BYTES_MAX)
    if (read?.bytes === undefined) throw new Error('a sealed document without its file')
    const content = unsealFile(ring, document.id, read.bytes)
    // Nobody sees it before it is written down that he did.
    await recordOpening({
      documentId: document.id,
      userId: document.userId,
      openedBy: adminId,
      reason,
      openedAt: new Date(nowMs()),
    })
    await announcer.tellOpened(document, { adminId, reason })
    events.opened(document)
    return { contentType: stored.contentType, content }
  }
}
