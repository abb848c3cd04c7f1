import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClientOn } from './client.ts'
import type { UploadDocument, UploadProgress } from './document-upload.ts'
import type { HushrydError } from './error.ts'
import { settle } from './testing/fake-clock.ts'
import type { DocumentFault } from './testing/fake-documents.ts'
import { FakeEdges } from './testing/fake-edges.ts'

const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3)
const SHA256 = createHash('sha256').update(JPEG).digest('hex')

function newClient(edges: FakeEdges) {
  return createClientOn(edges.runtime, { endpoints: ['http://one'], token: 'token-1', protocol: 'json' })
}

function start(edges: FakeEdges, more: Partial<UploadDocument> = {}) {
  const progress: UploadProgress[] = []
  const done = newClient(edges).uploadDocument({
    documentType: 'license',
    file: JPEG,
    onProgress: (step) => progress.push(step),
    ...more,
  })
  const outcome = done.then(
    (document) => ({ document, error: undefined }),
    (error: HushrydError) => ({ document: undefined, error }),
  )
  return { progress, outcome }
}

test('a file is read, announced, sent, completed and watched until it is available', async () => {
  const edges = new FakeEdges()
  edges.documents.verdict = { fromLook: 3, document: { state: 'AVAILABLE' } }
  const { progress, outcome } = start(edges)
  await edges.clock.advance(5_000)
  expect((await outcome).document).toMatchObject({ documentId: 'd_1', state: 'AVAILABLE' })
  expect(edges.documents.documents.get('d_1')).toMatchObject({
    request: {
      documentType: 'license',
      fileName: 'license.jpg',
      contentType: 'image/jpeg',
      sizeBytes: JPEG.length,
      sha256: SHA256,
    },
    completed: 1,
  })
  expect(edges.documents.puts).toEqual([{ headers: { 'content-type': 'image/jpeg' }, body: JPEG }])
  expect(progress.map(({ step }) => step)).toEqual([
    'reading',
    'announced',
    'sending',
    'sending',
    'sending',
    'checking',
  ])
  expect(progress.at(-2)).toEqual({ step: 'sending', sentBytes: JPEG.length, totalBytes: JPEG.length })
  expect(edges.clock.pending).toBe(0)
})

test('a file that is refused rejects with the reason and the sentence for its owner', async () => {
  const edges = new FakeEdges()
  const document = { state: 'REJECTED', rejectionReason: 'MALWARE', rejectionText: 'A virus.' }
  edges.documents.verdict = { fromLook: 1, document }
  const { outcome } = start(edges)
  await edges.clock.advance(1_000)
  expect((await outcome).error).toMatchObject({ reason: 'MALWARE', message: 'A virus.', isRetryable: false })
})

test('an address that has run out is followed by a fresh one of the same document', async () => {
  const edges = new FakeEdges()
  edges.documents.faults.push('none', 'expired')
  const { outcome } = start(edges)
  await edges.clock.advance(1_000)
  expect((await outcome).document).toMatchObject({ documentId: 'd_1' })
  expect(edges.documents.addresses).toBe(2)
})

test('a store that refuses the file twice is not asked a third time', async () => {
  const edges = new FakeEdges()
  edges.documents.faults.push('none', 'expired', 'none', 'expired')
  const { outcome } = start(edges)
  await edges.clock.advance(1_000)
  expect((await outcome).error).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'UPLOAD_REFUSED' })
})

test('whatever passes is tried again: the document is one, and becomes available', async () => {
  const passing: DocumentFault[] = ['none', 'unreachable', 'answer lost', 'unavailable']
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...passing), { maxLength: 12 }), async (faults) => {
      const edges = new FakeEdges()
      edges.documents.faults.push(...faults)
      const { outcome, progress } = start(edges)
      await edges.clock.advance(600_000)
      expect((await outcome).document).toMatchObject({ documentId: 'd_1', state: 'AVAILABLE' })
      expect(edges.documents.documents.size).toBe(1)
      const failed = faults.slice(0, faults.length - edges.documents.faults.length)
      expect(progress.filter(({ step }) => step === 'retrying')).toHaveLength(
        failed.filter((fault) => fault !== 'none').length,
      )
      expect(edges.clock.pending).toBe(0)
    }),
  )
})

test('a file that the store has lost is put again', async () => {
  const edges = new FakeEdges()
  edges.documents.faults.push('none', 'file lost')
  const { outcome } = start(edges)
  await edges.clock.advance(1_000)
  expect((await outcome).document).toMatchObject({ state: 'AVAILABLE' })
  expect(edges.documents.puts).toHaveLength(2)
})

test('the app gives it up at any time, and nothing goes on', async () => {
  const edges = new FakeEdges()
  edges.documents.verdict = { fromLook: 1_000, document: {} }
  const abort = new AbortController()
  const { outcome } = start(edges, { signal: abort.signal })
  await edges.clock.advance(3_000)
  abort.abort()
  await settle()
  expect((await outcome).error).toMatchObject({ code: 'CANCELLED' })
  expect(edges.clock.pending).toBe(0)
  const late = start(edges, { signal: abort.signal })
  await settle()
  expect((await late.outcome).error).toMatchObject({ code: 'CANCELLED' })
})

test('it ends by itself where nobody looks at the file in time', async () => {
  const edges = new FakeEdges()
  edges.documents.verdict = { fromLook: 1_000, document: {} }
  const { outcome } = start(edges, { timeoutMs: 60_000 })
  await edges.clock.advance(60_000)
  expect((await outcome).error).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
})

test('a file that cannot be read is announced to nobody', async () => {
  const edges = new FakeEdges()
  const file = { size: 3, type: '', slice: () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }) }
  const { error } = await start(edges, { file }).outcome
  expect(error).toMatchObject({ reason: 'FILE_UNREADABLE', isRetryable: false })
  expect(edges.requests).toEqual([])
})

test('an event about the document is looked into at once', async () => {
  const edges = new FakeEdges()
  edges.documents.verdict = { fromLook: 1_000, document: { state: 'AVAILABLE' } }
  const client = newClient(edges)
  const outcome = client.uploadDocument({ documentType: 'photo', file: JPEG })
  await edges.clock.advance(60_000)
  client.connect()
  await settle()
  edges.documents.verdict = { ...edges.documents.verdict, fromLook: 0 }
  edges.socket.receive({ event: { type: 'document.changed', tripId: '', data: { documentId: 'd_1' } } })
  // By now it asks over the socket.
  await settle()
  const asked = edges.socket.sent.at(-1)
  expect(asked?.call?.method).toBe('hushryd.docs.v1.DocumentService/GetDocument')
  edges.socket.receive({
    id: asked?.id ?? '',
    result: { document: { documentId: 'd_1', state: 'AVAILABLE' } },
  })
  expect(await outcome).toMatchObject({ state: 'AVAILABLE' })
  client.close()
})

test('a Blob is named, typed by its content, and summed up piece by piece', async () => {
  const edges = new FakeEdges()
  const bytes = new Uint8Array(9_000_000)
  bytes.set(JPEG)
  const file = new File([bytes], 'scan.png', { type: 'image/png' })
  const { outcome, progress } = start(edges, { file })
  await outcome
  expect(edges.documents.documents.get('d_1')?.request).toMatchObject({
    fileName: 'scan.png',
    contentType: 'image/jpeg',
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  })
  expect(progress.filter(({ step }) => step === 'reading')).toHaveLength(3)
  expect(edges.documents.puts[0]?.body).toBe(file)
})

test('a file of React Native is read by its address, and sent by it', async () => {
  const edges = new FakeEdges()
  const file = { uri: 'file:///photo', name: null, type: 'image/webp' }
  await start(edges, { file, documentType: 'aadhar' }).outcome
  expect(edges.documents.documents.get('d_1')?.request).toMatchObject({
    fileName: 'aadhar.webp',
    contentType: 'image/webp',
    sizeBytes: file.uri.length,
  })
  expect(edges.documents.puts[0]?.body).toEqual({ uri: file.uri })
})
