/** Each business event's counter and log line. Ids are in logs, never in labels; names of files are in neither. */
import type { Log } from '@hushryd/kernel/log.ts'
import type { MetricSpec, Metrics } from '@hushryd/kernel/metrics.ts'
import { DELETIONS, type Deletion, DOCUMENT_TYPES, type Document, REJECTIONS } from './document.ts'
import type { Examination } from './examiner.ts'

export const announcedMetric = {
  name: 'hushryd_docs_uploads_total',
  help: 'Uploads that were announced.',
  labels: { type: DOCUMENT_TYPES },
} as const satisfies MetricSpec

export const examinedMetric = {
  name: 'hushryd_docs_examinations_total',
  help: 'Files that were examined, by the verdict.',
  labels: { verdict: ['passed', ...REJECTIONS] },
} as const satisfies MetricSpec

export const examinationSecondsMetric = {
  name: 'hushryd_docs_examination_seconds',
  help: 'From the read of a file to the verdict.',
} as const satisfies MetricSpec

export const readySecondsMetric = {
  name: 'hushryd_docs_ready_seconds',
  help: 'From the announcement of an upload to the moment at which it is available or rejected.',
  labels: { outcome: ['available', 'rejected'] },
  buckets: [0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
} as const satisfies MetricSpec

export const reviewsMetric = {
  name: 'hushryd_docs_reviews_total',
  help: 'Decisions of reviewers.',
  labels: { decision: ['approved', 'rejected'] },
} as const satisfies MetricSpec

export const deletedMetric = {
  name: 'hushryd_docs_deleted_total',
  help: 'Documents that were deleted, by why.',
  labels: { why: DELETIONS },
} as const satisfies MetricSpec

export const openedMetric = {
  name: 'hushryd_docs_opened_total',
  help: 'Sealed documents that were opened by operations.',
} as const satisfies MetricSpec

export const againMetric = {
  name: 'hushryd_docs_work_again_total',
  help: 'Runs of the pipeline that broke off and are repeated: a store, the scanner or notify was away.',
} as const satisfies MetricSpec

export const waitingMetric = {
  name: 'hushryd_docs_waiting',
  help: 'Uploads that have no verdict yet.',
} as const satisfies MetricSpec

export const scannerMetric = {
  name: 'hushryd_docs_scanner_up',
  help: '1 while the virus scanner answers. While it does not, uploads wait.',
} as const satisfies MetricSpec

export const orphansMetric = {
  name: 'hushryd_docs_orphans_total',
  help: 'Objects of uploads that were deleted because no document speaks for them any more.',
} as const satisfies MetricSpec

const SECOND_MS = 1_000

export type DocsEvents = ReturnType<typeof createDocsEvents>

export function createDocsEvents(log: Log, metrics: Metrics) {
  const announced = metrics.counter(announcedMetric)
  const examined = metrics.counter(examinedMetric)
  const examinationSeconds = metrics.histogram(examinationSecondsMetric).bind({})
  const readySeconds = metrics.histogram(readySecondsMetric)
  const reviews = metrics.counter(reviewsMetric)
  const deleted = metrics.counter(deletedMetric)
  const opened = metrics.counter(openedMetric).bind({})
  const again = metrics.counter(againMetric).bind({})
  const waiting = metrics.gauge(waitingMetric).bind({})
  const scannerUp = metrics.gauge(scannerMetric).bind({})
  const orphans = metrics.counter(orphansMetric).bind({})

  return {
    announced({ id, type }: Document): void {
      announced.inc({ type })
      log.debug({ documentId: id, type }, 'upload announced')
    },
    notQueued(id: string, error: unknown): void {
      log.warn({ err: error, documentId: id }, 'NATS is away: the document is queued by the sweeper')
    },
    examined({ id, type }: Document, examination: Examination, durationMs: number): void {
      const verdict = examination.kind === 'passed' ? 'passed' : examination.rejection.reason
      examined.inc({ verdict })
      examinationSeconds.observe(durationMs / SECOND_MS)
      const record = { documentId: id, type, verdict, durationMs }
      if (examination.kind === 'rejected' && examination.signature !== undefined) {
        log.warn({ ...record, signature: examination.signature }, 'malware in an upload')
      } else {
        log.info(record, 'document examined')
      }
    },
    /** Its state is one that people see. */
    settled({ id, type, state, review, createdMs, changedMs }: Document): void {
      if (review === undefined && (state === 'available' || state === 'rejected')) {
        readySeconds.observe({ outcome: state }, (changedMs - createdMs) / SECOND_MS)
      } else if (state === 'approved' || state === 'rejected') {
        reviews.inc({ decision: state })
      }
      log.info({ documentId: id, type, state }, 'document settled')
    },
    worksAgain(id: string, error: unknown): void {
      again.inc()
      log.warn({ err: error, documentId: id }, 'work on a document broke off; it is taken up again')
    },
    unreadableWork(): void {
      log.error('a message of the stream DOCS cannot be read')
    },
    swept({ id, type }: Document, why: Deletion): void {
      log.info({ documentId: id, type, why }, 'document has had its time')
    },
    deleted({ id, type, deletion = 'request' }: Document): void {
      deleted.inc({ why: deletion })
      log.info({ documentId: id, type, why: deletion }, 'document deleted')
    },
    opened({ id, type }: Document): void {
      opened.inc()
      log.info({ documentId: id, type }, 'sealed document opened')
    },
    waiting(count: number): void {
      waiting.set(count)
    },
    orphansDeleted(count: number): void {
      if (count === 0) return
      orphans.inc(count)
      log.warn({ count }, 'objects without a document were deleted from incoming/')
    },
    scanner(isUp: boolean): void {
      scannerUp.set(isUp ? 1 : 0)
      log.info(isUp ? 'the virus scanner answers' : 'the virus scanner does not answer: uploads wait')
    },
    scannerStaysAway(error: unknown): void {
      log.error({ err: error }, 'the virus scanner stays away: uploads wait')
    },
  }
}
