/** The stream DOCS: documents with which something is to be done. What it is stands in their records. */
import { DocumentWork } from '@hushryd/gen/hushryd/docs/v1/stream.ts'
import type { ConsumerSpec, StreamSpec } from '@hushryd/kernel/stores/jetstream.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { AckPolicy } from '@nats-io/jetstream'
import { DOCUMENT_TYPES } from './document.ts'
import type { KeyedDocument } from './object-keys.ts'

const MS_NS = 1_000_000
/** A worker that has died leaves its document to another one after this; one that lives says so in between. */
export const ACK_WAIT_MS = 15_000
/** Of all processes: each has as many under way as it has workers. */
const UNACKED_MAX = 1_000

/** `namespace` is empty but in tests that share a server. */
export function workStreamSpec(namespace: string, replicas: number): StreamSpec {
  return {
    name: workStream(namespace),
    subjects: [workSubject(namespace)],
    // What waits for the scanner waits here, for as long as that takes: no age limit.
    retention: 'workqueue',
    storage: 'file',
    num_replicas: replicas,
  }
}

export function workStream(namespace: string): string {
  return `${namespace}DOCS`
}

function workSubject(namespace: string): string {
  return `${namespace}docs.work`
}

export const WORK_CONSUMER: ConsumerSpec = {
  durable_name: 'docs',
  ack_policy: AckPolicy.Explicit,
  ack_wait: ACK_WAIT_MS * MS_NS,
  max_ack_pending: UNACKED_MAX,
  // A document is never given up because a scanner or store was away.
  max_deliver: -1,
}

export interface WorkQueue {
  /**
   * Never rejects for NATS: the record is what counts, and where the stream
   * may not have the message, the sweeper puts it in later.
   */
  put(document: KeyedDocument): Promise<void>
}

export function createWorkQueue({
  publisher,
  namespace,
  onNotQueued,
}: {
  readonly publisher: JetStreamPublisher
  readonly namespace: string
  /** Has the sweeper look at it soon. */
  readonly onNotQueued: (documentId: string, error: unknown) => Promise<void>
}): WorkQueue {
  const subject = workSubject(namespace)
  return {
    async put({ id, userId, type }) {
      const work = DocumentWork.encode({ documentId: id, userId, documentType: type }).finish()
      await publisher.publish(subject, work).catch((error: unknown) => onNotQueued(id, error))
    },
  }
}

/** Undefined for what no version of ours has written. */
export function readWork(data: Uint8Array): KeyedDocument | undefined {
  const { documentId, userId, documentType } = DocumentWork.decode(data)
  const type = DOCUMENT_TYPES.find((known) => known === documentType)
  return type === undefined ? undefined : { id: documentId, userId, type }
}
