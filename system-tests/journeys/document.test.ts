/**
 * A document from the file in hand to its deletion, by plain HTTP as curl
 * sends it and by the SDK; and everything that must not get through, each
 * refused with its reason and with nothing left of it in the bucket.
 */
import {
  EICAR,
  makePdf,
  makePhoto,
  PROGRAM,
  sha256Of,
  zipBomb,
  zipOf,
} from '@hushryd/docs/testing/sample-files.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type UploadProgress } from '../../sdk/index.ts'
import { ask, messageTo, openAdmin, rest } from '../testing/alerts.ts'
import {
  type Announced,
  type Announcement,
  announce,
  createDriver,
  type Driver,
  documentPath,
  objectsOf,
  put,
  readObject,
  settled,
  upload,
} from '../testing/documents.ts'
import { openOn } from '../testing/trip.ts'

/** What an address that runs out is waited for. */
const ADDRESS_MS = 4_000
const PHONE = '+919700000001'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem({
    programs: ['edge', 'docs'],
    env: {
      DOCS_UPLOAD_MS: String(ADDRESS_MS),
      // Messages go out at any hour.
      NOTIFY_QUIET_HOURS: '00:00-00:00',
    },
  })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

/** Announced only: what S3 and the service say afterwards is the test's. */
async function announced(driver: Driver, file: Uint8Array, given: Announcement = {}): Promise<Announced> {
  const { status, body } = await announce(system, driver, file, given)
  expect(status).toBe(200)
  return body as unknown as Announced
}

async function complete({ token }: Driver, document: Announced) {
  return await rest(system, { method: 'POST', path: documentPath(document, ':complete'), token, body: {} })
}

test('by plain HTTP: requested, put, completed, watched, opened, reviewed, deleted', async () => {
  const driver = await createDriver(system, 'plain')
  using phone = await openOn(system, 0, driver.token)
  using admin = await openAdmin(system)
  const photo = await makePhoto()
  expect(photo.includes('PhoneMaker')).toBe(true)
  const document = await upload(system, driver, photo)
  expect(await settled(system, driver, document)).toMatchObject({
    state: 'AVAILABLE',
    contentType: 'image/jpeg',
    sha256: sha256Of(photo),
    hasThumbnail: true,
  })
  const { event } = await phone.next(
    (frame) => dataOf(frame.event).documentId === document.documentId,
    30_000,
  )
  expect(event).toMatchObject({ type: 'document.changed', data: { state: 'AVAILABLE' } })

  const { url, thumbnailUrl } = await ask(system, {
    path: documentPath(document, '/url'),
    token: driver.token,
  })
  const opened = await fetch(String(url))
  expect(opened.headers.get('content-type')).toBe('image/jpeg')
  const shown = Buffer.from(await opened.arrayBuffer())
  expect(shown.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]))
  expect(shown.includes('PhoneMaker')).toBe(false)
  expect((await fetch(String(thumbnailUrl))).status).toBe(200)

  const { documents } = await ask(system, { path: '/v1/documents?state=AVAILABLE', token: admin.token })
  expect(documents).toContainEqual(expect.objectContaining({ documentId: document.documentId }))
  const path = documentPath(document, ':review')
  const approved = await ask(system, {
    method: 'POST',
    path,
    token: admin.token,
    body: { decision: 'approve' },
  })
  expect(approved).toMatchObject({ state: 'APPROVED', reviewedBy: 'meera' })

  expect(await objectsOf(system, document.documentId)).toHaveLength(2)
  await ask(system, { method: 'DELETE', path: documentPath(document), token: driver.token })
  await until(async () => (await objectsOf(system, document.documentId)).length === 0, { timeoutMs: 30_000 })
  const gone = await rest(system, { path: documentPath(document), token: driver.token })
  expect(gone).toMatchObject({ status: 404, body: { reason: 'DOCUMENT_NOT_FOUND' } })
  expect((await fetch(String(url))).status).toBe(404)
})

test('by the SDK: uploaded with each step told, opened, deleted', async () => {
  const { token } = await createDriver(system, 'sdk')
  const client = createClient({ endpoints: [...system.edgeUrls], token })
  using stack = new DisposableStack()
  stack.defer(() => client.close())
  client.connect()
  const progress: UploadProgress[] = []
  const pdf = await makePdf()
  const document = await client.uploadDocument({
    documentType: 'rc',
    file: new File([new Uint8Array(pdf)], 'certificate.pdf'),
    onProgress: (step) => progress.push(step),
  })
  expect(document).toMatchObject({ state: 'AVAILABLE', fileName: 'certificate.pdf', sizeBytes: pdf.length })
  const steps = progress.map(({ step }) => step)
  expect(steps.filter((step, index) => step !== steps[index - 1])).toEqual(
    expect.arrayContaining(['reading', 'announced', 'sending', 'checking']),
  )
  const { documentId } = document
  const { url } = await client.call.document.getDocumentUrl({ documentId })
  expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(pdf)
  await client.call.document.deleteDocument({ documentId })
  await expect(client.call.document.getDocument({ documentId })).rejects.toMatchObject({
    reason: 'DOCUMENT_NOT_FOUND',
  })
  await until(async () => (await objectsOf(system, documentId)).length === 0, { timeoutMs: 30_000 })
})

test('by the SDK, an EICAR file: rejected as malware, with a message to the owner', async () => {
  const { token } = await createDriver(system, 'eicar-sdk', PHONE)
  const client = createClient({ endpoints: [...system.edgeUrls], token })
  const refused = client.uploadDocument({ documentType: 'photo', file: EICAR, contentType: 'image/jpeg' })
  await expect(refused).rejects.toMatchObject({ reason: 'MALWARE', isRetryable: false })
  expect((await messageTo(system, PHONE, 'sms')).body).toMatch(/virus/i)
  expect(await objectsOf(system, 'eicar-sdk')).toEqual([])
})

const PDF = { contentType: 'application/pdf', fileName: 'licence.pdf' }

test.for<readonly [what: string, file: () => Promise<Buffer> | Buffer, given: Announcement, reason: string]>([
  ['EICAR', () => EICAR, {}, 'MALWARE'],
  ['a renamed executable', () => PROGRAM, {}, 'TYPE_NOT_ALLOWED'],
  ['a zip bomb named .pdf', zipBomb, PDF, 'TYPE_NOT_ALLOWED'],
  [
    'a polyglot image',
    async () => Buffer.concat([await makePhoto(), zipOf('run.sh', Buffer.from('rm -r /'))]),
    {},
    'HIDDEN_CONTENT',
  ],
])('%s is rejected with its reason, and nothing of it is left', async ([what, file, given, reason]) => {
  const driver = await createDriver(system, what.replaceAll(/\W+/g, '-'))
  const document = await upload(system, driver, await file(), given)
  expect(await settled(system, driver, document)).toMatchObject({
    state: 'REJECTED',
    rejectionReason: reason,
  })
  expect(await objectsOf(system, document.documentId)).toEqual([])
  const link = await rest(system, { path: documentPath(document, '/url'), token: driver.token })
  expect(link).toMatchObject({ status: 409, body: { reason: 'DOCUMENT_STATE_CONFLICT' } })
})

test('a file with another checksum than was announced is rejected, by the store or by the service', async () => {
  const driver = await createDriver(system, 'checksum')
  const photo = await makePhoto()
  const document = await announced(driver, photo, { sha256: sha256Of(await makePhoto()) })
  const status = await put(document, photo)
  // AWS compares the checksum by itself; not every server does.
  if (status === 200) {
    await complete(driver, document)
    const found = await settled(system, driver, document)
    expect(found).toMatchObject({ state: 'REJECTED', rejectionReason: 'CHECKSUM_MISMATCH' })
  }
  expect(await objectsOf(system, document.documentId)).toEqual([])
})

test('an empty file is no upload, announced or not', async () => {
  const driver = await createDriver(system, 'empty')
  const nothing = Buffer.alloc(0)
  expect(await announce(system, driver, nothing)).toMatchObject({
    status: 400,
    body: { reason: 'INVALID_REQUEST', violations: [expect.objectContaining({ field: 'size_bytes' })] },
  })
  const document = await announced(driver, nothing, { sizeBytes: 1 })
  expect(await put(document, nothing)).toBe(403)
  expect((await complete(driver, document)).body).toMatchObject({ reason: 'UPLOAD_MISSING' })
  expect(await objectsOf(system, 'empty')).toEqual([])
})

test('one byte more than was announced is refused by the store', async () => {
  const driver = await createDriver(system, 'longer')
  const photo = await makePhoto()
  const document = await announced(driver, photo)
  expect(await put(document, Buffer.concat([photo, Buffer.alloc(1)]))).toBe(403)
  expect((await complete(driver, document)).body).toMatchObject({ reason: 'UPLOAD_MISSING' })
  expect(await objectsOf(system, document.documentId)).toEqual([])
})

test('an address that has run out takes no file; the same announcement gets another one', async () => {
  const driver = await createDriver(system, 'late')
  const photo = await makePhoto()
  const document = await announced(driver, photo)
  const isOver = (): boolean => Date.now() > document.upload.expiresAt + 1_000
  await until(isOver, { timeoutMs: ADDRESS_MS + 30_000, what: 'the end of the address' })
  expect(await put(document, photo)).toBe(403)
  expect(await objectsOf(system, 'late')).toEqual([])
  expect((await upload(system, driver, photo)).documentId).toBe(document.documentId)
  expect(await settled(system, driver, document)).toMatchObject({ state: 'AVAILABLE' })
})

test('another person’s document cannot be seen, completed, opened, replaced or deleted', async () => {
  const owner = await createDriver(system, 'owner')
  const thief = await createDriver(system, 'thief')
  const photo = await makePhoto()
  const waiting = await announced(owner, photo)
  const document = await upload(system, owner, await makePhoto())
  await settled(system, owner, document)
  const notFound = { status: 404, body: { reason: 'DOCUMENT_NOT_FOUND' } }
  const { token } = thief
  expect(await complete(thief, waiting)).toMatchObject(notFound)
  for (const request of [
    { path: documentPath(document) },
    { path: documentPath(document, '/url') },
    { method: 'DELETE', path: documentPath(document) },
  ]) {
    expect(await rest(system, { ...request, token })).toMatchObject(notFound)
  }
  const reviewed = { method: 'POST', path: documentPath(document, ':review'), body: { decision: 'approve' } }
  expect((await rest(system, { ...reviewed, token })).status).toBe(403)
  expect((await ask(system, { path: '/v1/documents', token })).documents ?? []).toEqual([])
  // His own address leads nowhere else.
  const own = await announced(thief, photo)
  const url = own.upload.url.replace(own.key, waiting.key)
  expect(await put({ ...own, upload: { ...own.upload, url } }, photo)).toBe(403)
  expect(await objectsOf(system, waiting.documentId)).toEqual([])
  expect(await objectsOf(system, document.documentId)).toHaveLength(2)
})

test.for(['../../documents/owner/licence.jpg', 'papers/licence.jpg', '..\\licence.jpg', 'licence\u0000.jpg'])(
  'a path in the file name is refused: %j',
  async (fileName) => {
    const driver = await createDriver(system, 'path')
    expect(await announce(system, driver, await makePhoto(), { fileName })).toMatchObject({
      status: 400,
      body: { reason: 'INVALID_REQUEST', violations: [expect.objectContaining({ field: 'file_name' })] },
    })
    expect(await objectsOf(system, 'path')).toEqual([])
  },
)

test('an Aadhaar card lies sealed, has no link and is in no list; an admin opens it and says why', async () => {
  const driver = await createDriver(system, 'aadhar')
  using admin = await openAdmin(system)
  const card = await makePhoto()
  const document = await upload(system, driver, card, { documentType: 'aadhar' })
  expect(await settled(system, driver, document)).toMatchObject({ state: 'AVAILABLE', isSealed: true })
  for (const token of [driver.token, admin.token]) {
    expect((await rest(system, { path: documentPath(document, '/url'), token })).status).toBe(409)
    const { documents = [] } = await ask(system, { path: '/v1/documents', token })
    expect(JSON.stringify(documents)).not.toContain(document.documentId)
  }
  const [key = ''] = await objectsOf(system, document.documentId)
  expect(key).toMatch(/^sealed\//)
  expect((await readObject(system, key)).subarray(0, 3)).not.toEqual(Buffer.from([0xff, 0xd8, 0xff]))

  const path = documentPath(document, ':open')
  const open = { method: 'POST', path, body: { reason: 'the address has to be compared' } }
  expect((await rest(system, { ...open, token: driver.token })).status).toBe(403)
  const { content, contentType } = await ask(system, { ...open, token: admin.token })
  expect(contentType).toBe('image/jpeg')
  expect(Buffer.from(String(content), 'base64').subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]))
})

function dataOf(event: unknown): { readonly documentId?: string } {
  return (event as { readonly data?: { readonly documentId?: string } } | undefined)?.data ?? {}
}
