/**
 * What people decide about a document. The decision is recorded first, and
 * carried out before it is answered; what a store that is away leaves undone,
 * the sweeper hands to a worker later.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type Document, TRANSITIONS, type Transition } from './document.ts'
import type { Change, DocumentStore } from './document-store.ts'
import { type Pipeline, WORK_AGAIN_MS } from './pipeline.ts'
import type { WorkQueue } from './work-stream.ts'

export interface ReviewsParts {
  readonly store: DocumentStore
  readonly pipeline: Pick<Pipeline, 'settle'>
  readonly queue: WorkQueue
  readonly nowMs: () => number
}

/** Soon after: whoever asked has been told that it is not done yet. */
const AGAIN_MS = 5_000

export class Reviews {
  readonly #parts: ReviewsParts

  constructor(parts: ReviewsParts) {
    this.#parts = parts
  }

  async approve(document: Document, by: string): Promise<Document> {
    if (document.state === 'approved') return document
    return await this.#decide(document, 'approve', { review: { by, atMs: this.#parts.nowMs() } })
  }

  async reject(document: Document, by: string, text: string): Promise<Document> {
    if (document.state === 'rejected' && document.review !== undefined) return document
    return await this.#decide(document, 'refuse', {
      review: { by, atMs: this.#parts.nowMs() },
      rejection: { reason: 'by_reviewer', text },
    })
  }

  async delete(document: Document): Promise<void> {
    const { store, pipeline, nowMs } = this.#parts
    const change = { nowMs: nowMs(), dueMs: nowMs() + WORK_AGAIN_MS, deletion: 'request' } as const
    await store.transit(document.id, 'delete', change)
    // Also where somebody else has begun it: the answer is that it is gone.
    await pipeline.settle(document)
  }

  async #decide(document: Document, transition: Transition, facts: Partial<Change>): Promise<Document> {
    const { store, pipeline, queue, nowMs } = this.#parts
    const change = { ...facts, nowMs: nowMs(), dueMs: nowMs() + AGAIN_MS }
    const decided =
      (await store.transit(document.id, transition, change)) ?? (await this.#inProgress(document, transition))
    const settled = await pipeline.settle(decided)
    if (settled?.isOwnerUntold === true) await queue.put(settled)
    return settled ?? decided
  }

  /** Decided by an earlier try, which a store that was away left undone. */
  async #inProgress({ id }: Document, transition: Transition): Promise<Document> {
    const document = await this.#parts.store.find(id)
    if (document?.review !== undefined && document.state === TRANSITIONS[transition].to) return document
    throw new DomainError(
      ErrorReason.ERROR_REASON_DOCUMENT_STATE_CONFLICT,
      'The document is not there to be reviewed: it is being checked, or was rejected.',
    )
  }
}
