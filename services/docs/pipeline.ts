/**
 * What is done with a document, step by step, from wherever it stands.
 *
 * Each step first makes its effects, all of which may be repeated, and then
 * changes the state by one guarded write: whoever dies in between has changed
 * nothing that the next one does not do again. Nothing is visible to its owner
 * before it is true: "available" means that the file is stored, nothing is
 * left of the upload, and operations have been told; "rejected" that both
 * prefixes are empty.
 */
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { Announcer } from './announcer.ts'
import { type Document, isSealed, nextStep, type Step } from './document.ts'
import type { DocumentStore } from './document-store.ts'
import type { DocsEvents } from './events.ts'
import { type Examine, type ExaminedFile, rejected } from './examiner.ts'
import { contentDisposition } from './file-name.ts'
import { allKeys, fileKey, incomingKey, type KeyedDocument, thumbnailKey } from './object-keys.ts'
import type { ObjectStore } from './object-store.ts'
import { SEALED_CONTENT_TYPE, sealFile } from './sealed-file.ts'

export interface PipelineParts {
  readonly store: Pick<
    DocumentStore,
    'find' | 'transit' | 'beginExamination' | 'endExamination' | 'ownerTold' | 'remove'
  >
  readonly objects: Pick<ObjectStore, 'read' | 'put' | 'deleteAll'>
  readonly examine: Examine
  readonly announcer: Pick<Announcer, 'tellOperations' | 'tellDevices' | 'tellRejected'>
  readonly ring: KeyRing
  readonly events: DocsEvents
  readonly nowMs: () => number
}

/** What is not done by then has lost its message; the sweeper looks at it again. */
export const WORK_AGAIN_MS = 2 * 60_000
/** Examinations that were begun and never ended: the file brings down whoever reads it. */
const EXAMINATIONS_MAX = 8
/** Browsers and CloudFront's edges keep a file no longer than a link lives. */
const CACHE_CONTROL = 'private, max-age=300'

export class Pipeline {
  readonly #parts: PipelineParts

  constructor(parts: PipelineParts) {
    this.#parts = parts
  }

  /** Until the document rests or is gone; throws where a store, the scanner or notify is away. */
  async run(work: KeyedDocument): Promise<void> {
    const settled = await this.settle(work)
    if (settled !== undefined && nextStep(settled) === 'tell_owner') await this.#take('tell_owner', settled)
  }

  /** The same, but that its owner may still have to be told; answers where it stands. */
  async settle(work: KeyedDocument): Promise<Document | undefined> {
    const { store, objects } = this.#parts
    let document = await store.find(work.id)
    // A worker that was slower than the deletion may have left something.
    if (document === undefined) await objects.deleteAll(allKeys(work))
    while (document !== undefined) {
      const step = nextStep(document)
      if (step === undefined || step === 'tell_owner') break
      document = await this.#take(step, document)
    }
    return document
  }

  /** The document as it stands afterwards, whoever brought it there. */
  async #take(step: Step, document: Document): Promise<Document | undefined> {
    const { store, objects, announcer, events, nowMs } = this.#parts
    const { id } = document
    switch (step) {
      case 'examine':
        return await this.#examine(document)
      case 'publish': {
        await objects.deleteAll([incomingKey(document)])
        await announcer.tellOperations(document, 'available')
        return await this.#settled(await store.transit(id, 'publish', { nowMs: nowMs() }), id)
      }
      case 'approve': {
        await announcer.tellOperations(document, 'approved')
        return await this.#settled(await store.transit(id, 'approved', { nowMs: nowMs() }), id)
      }
      case 'reject': {
        await objects.deleteAll(allKeys(document))
        await announcer.tellOperations(document, 'rejected')
        const change = { nowMs: nowMs(), dueMs: nowMs() + WORK_AGAIN_MS, isOwnerUntold: true }
        return await this.#settled(await store.transit(id, 'rejected', change), id)
      }
      case 'tell_owner': {
        await announcer.tellRejected(document)
        await store.ownerTold(id)
        return undefined
      }
      case 'delete': {
        await objects.deleteAll(allKeys(document))
        await announcer.tellOperations(document, 'deleted')
        await store.remove(id)
        events.deleted(document)
        return undefined
      }
    }
  }

  async #settled(document: Document | undefined, id: string): Promise<Document | undefined> {
    const { store, announcer, events } = this.#parts
    // Somebody else was faster, or it is being deleted.
    if (document === undefined) return await store.find(id)
    announcer.tellDevices(document)
    events.settled(document)
    return document
  }

  async #examine(document: Document): Promise<Document | undefined> {
    const { store } = this.#parts
    const earlier = await store.beginExamination(document.id)
    try {
      return await this.#decide(document, earlier)
    } catch (error) {
      // It ended, though without an answer: only what never ends counts against the file.
      await store.endExamination(document.id)
      throw error
    }
  }

  async #decide(document: Document, earlier: number): Promise<Document | undefined> {
    const { store, objects, examine, events, nowMs } = this.#parts
    const { id, sizeBytes } = document
    const startMs = nowMs()
    const uploaded = await objects.read(incomingKey(document), sizeBytes)
    const examination =
      earlier < EXAMINATIONS_MAX
        ? await examine(document, uploaded ?? { sizeBytes: 0, bytes: undefined })
        : rejected('too_complex')
    events.examined(document, examination, nowMs() - startMs)
    const dueMs = nowMs() + WORK_AGAIN_MS
    if (examination.kind === 'rejected') {
      const { rejection } = examination
      return (
        (await store.transit(id, 'reject', { nowMs: nowMs(), dueMs, rejection })) ?? (await store.find(id))
      )
    }
    const { file } = examination
    await this.#store(document, file)
    const stored = {
      contentType: file.contentType,
      sizeBytes: file.bytes.length,
      hasThumbnail: file.thumbnail !== undefined,
    }
    const passed = await store.transit(id, 'pass', { nowMs: nowMs(), dueMs, stored })
    return passed ?? (await this.#foundChanged(document))
  }

  async #store(document: Document, { contentType, bytes, thumbnail }: ExaminedFile): Promise<void> {
    const { objects, ring } = this.#parts
    if (isSealed(document.type)) {
      const sealed = sealFile(ring, document.id, bytes)
      await objects.put(fileKey(document), sealed, { contentType: SEALED_CONTENT_TYPE })
      return
    }
    await objects.put(fileKey(document), bytes, {
      contentType,
      contentDisposition: contentDisposition(document.fileName, contentType),
      cacheControl: CACHE_CONTROL,
    })
    if (thumbnail === undefined) return
    await objects.put(thumbnailKey(document), thumbnail, {
      contentType: 'image/jpeg',
      cacheControl: CACHE_CONTROL,
    })
  }

  /** Its file was stored and must not stay, unless another worker has passed it meanwhile. */
  async #foundChanged(document: Document): Promise<Document | undefined> {
    const { store, objects } = this.#parts
    const current = await store.find(document.id)
    if (current?.stored === undefined || current.state === 'rejected' || current.state === 'rejecting') {
      await objects.deleteAll([fileKey(document), thumbnailKey(document)])
    }
    return current
  }
}
