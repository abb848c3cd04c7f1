/**
 * What is due by the clock: uploads that nobody completed, documents whose
 * time is over, and work whose message was lost. All of it is decided here and
 * done by the pipeline.
 */
import { type Deletion, DOCUMENT_TYPES, type Document, type DocumentType } from './document.ts'
import type { DocumentStore } from './document-store.ts'
import type { DocsEvents } from './events.ts'
import { WORK_AGAIN_MS } from './pipeline.ts'
import type { ScannerWatch } from './scanner-watch.ts'
import type { WorkQueue } from './work-stream.ts'

export interface SweeperParts {
  readonly store: DocumentStore
  readonly queue: WorkQueue
  readonly scanner: Pick<ScannerWatch, 'isUp'>
  readonly events: DocsEvents
  /** Days that a document of the type is kept; 0 for as long as it is not deleted. */
  readonly keepDays: Readonly<Record<DocumentType, number>>
  readonly keepRejectedDays: number
  readonly nowMs: () => number
}

/** In one run; what is left is the next one's. */
const BATCH = 200
const DAY_MS = 24 * 60 * 60 * 1_000

export class Sweeper {
  readonly #parts: SweeperParts

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  /** For the loop: what has a time of its own. */
  async sweepDue(): Promise<void> {
    const { store, queue, scanner, nowMs } = this.#parts
    for (const document of await store.claimDue(nowMs(), WORK_AGAIN_MS, BATCH)) {
      if (document.state === 'uploading') {
        await this.#delete(document, 'abandoned')
        continue
      }
      // What waits for the scanner has its message; a second one would only be done twice.
      if (document.state === 'processing' && !scanner.isUp) continue
      await queue.put(document)
    }
  }

  /** For the loop: what its type does not let stay. */
  async sweepOld(): Promise<void> {
    const { store, keepDays, keepRejectedDays, nowMs } = this.#parts
    const olderThan = (days: number): number => nowMs() - days * DAY_MS
    for (const type of DOCUMENT_TYPES) {
      if (keepDays[type] === 0) continue
      const filter = { type, states: ['available', 'approved'] } as const
      const old = await store.listOlder(filter, olderThan(keepDays[type]), BATCH)
      for (const document of old) await this.#delete(document, 'retention')
    }
    const rejected = await store.listOlder({ states: ['rejected'] }, olderThan(keepRejectedDays), BATCH)
    for (const document of rejected) await this.#delete(document, 'retention')
  }

  async #delete(document: Document, deletion: Deletion): Promise<void> {
    const { store, queue, events, nowMs } = this.#parts
    const change = { nowMs: nowMs(), dueMs: nowMs() + WORK_AGAIN_MS, deletion }
    const deleting = await store.transit(document.id, 'delete', change)
    if (deleting === undefined) return
    events.swept(document, deletion)
    await queue.put(deleting)
  }
}
