/** The pipeline's parts on real stores, so that a test can put something between it and any of them. */
import { createEventLog, eventStreamSpec } from '@hushryd/kernel/event-log.ts'
import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import { ensureStream } from '@hushryd/kernel/stores/jetstream.ts'
import { createJetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import { connectMongo, ensureCollection } from '@hushryd/kernel/stores/mongo.ts'
import { connectNats } from '@hushryd/kernel/stores/nats.ts'
import { PEER_KEY } from '@hushryd/kernel/testing/rpc-services.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { createAnnouncer } from '../announcer.ts'
import type { ContentType, Document, DocumentType } from '../document.ts'
import { documentsSpec } from '../document-record.ts'
import { DocumentStore } from '../document-store.ts'
import { createDocsEvents } from '../events.ts'
import { createExaminer } from '../examiner.ts'
import { createImageRenewal } from '../image.ts'
import { incomingKey } from '../object-keys.ts'
import { ObjectStore } from '../object-store.ts'
import { createPdfReader } from '../pdf/reader.ts'
import type { PipelineParts } from '../pipeline.ts'
import { Reconciler } from '../reconciler.ts'
import { createScanner } from '../scanner.ts'
import { newDocumentId } from '../uploads.ts'
import type { World } from './docs-world.ts'
import { sha256Of } from './sample-files.ts'

const PIXELS_MAX = 1_000_000
const DAY_MS = 24 * 60 * 60 * 1_000

export interface Workshop extends AsyncDisposable {
  readonly parts: PipelineParts & { readonly store: DocumentStore; readonly objects: ObjectStore }
  readonly reconciler: Reconciler
  /** Uploaded and completed, as far as a pipeline meets it. */
  addUpload(type: DocumentType, contentType: ContentType, bytes: Uint8Array): Promise<Document>
}

export async function openWorkshop(world: World): Promise<Workshop> {
  await using opened = new AsyncDisposableStack()
  const { log } = world.log
  const metrics = createMetrics('test')
  const base = { name: 'workshop', log, metrics }
  const mongo = opened.use(
    await connectMongo({ ...base, url: testUrl('TEST_MONGO_URL'), db: world.db.databaseName }),
  )
  await ensureCollection(mongo.db, documentsSpec)
  const nats = opened.use(await connectNats({ ...base, url: testUrl('TEST_NATS_URL') }))
  await ensureStream(nats, eventStreamSpec(1))
  const publisher = opened.use(createJetStreamPublisher(nats, { log, metrics }))
  const notify = opened.adopt(
    openRpcChannel({ address: world.notify.address, peer: peerCredential('docs', PEER_KEY) }),
    (channel) => channel.close(),
  )
  const store = new DocumentStore(mongo)
  const objects = new ObjectStore(world.s3, world.bucket)
  const nowMs = Date.now
  const parts = {
    store,
    objects,
    examine: createExaminer({
      scanner: createScanner({ url: testUrl('TEST_CLAMD_URL'), timeoutMs: 20_000 }),
      renewImage: createImageRenewal({ pixelsMax: PIXELS_MAX }),
      pdfReader: opened.use(createPdfReader()),
    }),
    announcer: createAnnouncer({
      eventLog: createEventLog(publisher, { source: 'docs' }),
      nats,
      notify,
      metrics,
      nowMs,
    }),
    ring: readKeyRing(world.keys),
    events: createDocsEvents(log, metrics),
    nowMs,
  }
  const running = opened.move()
  return {
    parts,
    reconciler: new Reconciler({ store, objects, nowMs }),
    async addUpload(type, contentType, bytes) {
      const times = { nowMs: nowMs(), dueMs: nowMs() + DAY_MS }
      const announced = await store.announce(
        {
          id: newDocumentId(),
          userId: world.newUser(),
          type,
          fileName: 'scan',
          contentType,
          sizeBytes: bytes.length,
          sha256: sha256Of(bytes),
        },
        times,
      )
      await world.putObject(incomingKey(announced), bytes)
      const completed = await store.transit(announced.id, 'complete', times)
      if (completed === undefined) throw new Error('an upload that cannot be completed')
      return completed
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
