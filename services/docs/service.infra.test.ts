/** The service as apps meet it, on a real S3 server, scanner, MongoDB and NATS. */
import { DocumentState, RejectionReason } from '@hushryd/gen/hushryd/docs/v1/docs.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asUser, type DocsNode, putFile, SOON, World } from './testing/docs-world.ts'
import {
  ACTIVE_PDFS,
  EICAR,
  makePdf,
  makePhoto,
  PROGRAM,
  sha256Of,
  zipBomb,
  zipOf,
} from './testing/sample-files.ts'

let world: World
let node: DocsNode

beforeAll(async () => {
  world = await World.start()
  node = await world.startNode({
    DOCS_WAITING_MAX: '3',
    DOCS_PER_USER_MAX: '5',
    DOCS_BYTES_PER_DAY_MAX: '5000000',
  })
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

const NOT_FOUND = { reason: ErrorReason.ERROR_REASON_DOCUMENT_NOT_FOUND }
const CONFLICT = { reason: ErrorReason.ERROR_REASON_DOCUMENT_STATE_CONFLICT }

describe('a photo', () => {
  it('goes from its announcement to a link, upright and without a trace of place or phone', async () => {
    const user = world.newUser()
    const photo = await makePhoto({ width: 96, height: 64 })
    const documentId = await node.upload(user, photo, { fileName: 'मेरा लाइसेंस "1".jpg' })
    const document = await node.settled(user, documentId)
    expect(document).toMatchObject({
      state: DocumentState.AVAILABLE,
      contentType: 'image/jpeg',
      documentType: 'license',
      sha256: sha256Of(photo),
      hasThumbnail: true,
      isSealed: false,
    })
    const { url, thumbnailUrl, expiresAt } = await node.client.getDocumentUrl({ documentId }, asUser(user))
    expect(expiresAt).toBeGreaterThan(Date.now())
    const response = await fetch(url)
    expect(response.headers.get('content-type')).toBe('image/jpeg')
    expect(response.headers.get('content-disposition')).toMatch(
      /^inline; filename="[ -~]+\.jpg"; filename\*=UTF-8''[\w%.-]+\.jpg$/,
    )
    const stored = Buffer.from(await response.arrayBuffer())
    const { width, height, exif, orientation } = await sharp(stored).metadata()
    expect({ width, height, exif, orientation }).toEqual({
      width: 64,
      height: 96,
      exif: undefined,
      orientation: undefined,
    })
    expect(stored.includes('PhoneMaker')).toBe(false)
    expect((await fetch(thumbnailUrl)).status).toBe(200)
  })

  it('is in one place only once it is available, and everybody has been told', async () => {
    const user = world.newUser()
    const documentId = await node.upload(user, await makePhoto(), { documentType: 'photo' })
    await node.settled(user, documentId)
    const key = `documents/${user}/photo/${documentId}`
    const keys = await world.keysInBucket()
    expect(keys.filter((each) => each.includes(documentId))).toEqual([key, `${key}.thumbnail`])
    expect(await world.eventsOf(documentId)).toEqual(['document.available'])
    const push = await until(() => world.pushes.find(({ data }) => data?.documentId === documentId), SOON)
    expect(push).toMatchObject({ type: 'document.changed', userId: user, data: { state: 'AVAILABLE' } })
  })

  it.for(['png', 'webp'] as const)('may be a %s', async (format) => {
    const user = world.newUser()
    const documentId = await node.upload(user, await makePhoto({ format }), {
      contentType: `image/${format}`,
    })
    expect((await node.settled(user, documentId)).contentType).toBe('image/jpeg')
  })

  it('that a phone has appended something harmless to is taken', async () => {
    const user = world.newUser()
    const photo = Buffer.concat([
      await makePhoto(),
      await makePhoto(),
      Buffer.from('SEFT trailer of a maker'),
    ])
    const documentId = await node.upload(user, photo)
    expect((await node.settled(user, documentId)).state).toBe(DocumentState.AVAILABLE)
  })
})

it('a plain PDF is stored as it is', async () => {
  const user = world.newUser()
  const pdf = await makePdf()
  const documentId = await node.upload(user, pdf, { documentType: 'rc', contentType: 'application/pdf' })
  expect(await node.settled(user, documentId)).toMatchObject({
    state: DocumentState.AVAILABLE,
    hasThumbnail: false,
  })
  expect(await world.object(`documents/${user}/rc/${documentId}`)).toEqual(pdf)
})

describe('a file is refused with its reason, and nothing of it is left', () => {
  const pdf = 'application/pdf'
  const cases: [string, () => Promise<Buffer> | Buffer, string, RejectionReason][] = [
    ['a virus', () => EICAR, 'image/jpeg', RejectionReason.MALWARE],
    [
      'a virus inside of a PDF',
      async () => Buffer.concat([await makePdf(), EICAR]),
      pdf,
      RejectionReason.MALWARE,
    ],
    ['a renamed program', () => PROGRAM, 'image/jpeg', RejectionReason.TYPE_NOT_ALLOWED],
    ['a zip bomb that is called a PDF', zipBomb, pdf, RejectionReason.TYPE_NOT_ALLOWED],
    ['plain text', () => Buffer.from('not a photo'), 'image/png', RejectionReason.TYPE_NOT_ALLOWED],
    [
      'a web page',
      () => Buffer.from('<!doctype html><script>1</script>'),
      pdf,
      RejectionReason.TYPE_NOT_ALLOWED,
    ],
    [
      'a drawing with scripts',
      () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      'image/png',
      RejectionReason.TYPE_NOT_ALLOWED,
    ],
    ['a photo that is called a PDF', () => makePhoto(), pdf, RejectionReason.TYPE_MISMATCH],
    [
      'half a photo',
      async () => (await makePhoto({ width: 400, height: 400 })).subarray(0, 9_000),
      'image/jpeg',
      RejectionReason.DAMAGED,
    ],
    [
      'a photo that is also an archive',
      async () => Buffer.concat([await makePhoto(), zipOf('a', PROGRAM)]),
      'image/jpeg',
      RejectionReason.HIDDEN_CONTENT,
    ],
    [
      'a photo that is also a script',
      async () => Buffer.concat([await makePhoto(), Buffer.from('<?php system($_GET[1]); ?>')]),
      'image/jpeg',
      RejectionReason.HIDDEN_CONTENT,
    ],
    [
      'a PDF that is also an archive',
      async () => Buffer.concat([await makePdf(), zipOf('a', PROGRAM)]),
      pdf,
      RejectionReason.HIDDEN_CONTENT,
    ],
    [
      'a PDF with a script',
      () => makePdf(ACTIVE_PDFS['a named script']),
      pdf,
      RejectionReason.ACTIVE_CONTENT,
    ],
    ['a PDF that breaks off', async () => (await makePdf()).subarray(0, 300), pdf, RejectionReason.DAMAGED],
  ]

  it.for(cases)('%s', async ([, make, contentType, reason]) => {
    const user = world.newUser()
    const documentId = await node.upload(user, await make(), { contentType })
    const document = await node.settled(user, documentId)
    expect(document).toMatchObject({ state: DocumentState.REJECTED, rejectionReason: reason })
    expect(document.rejectionText).not.toBe('')
    expect((await world.keysInBucket()).filter((key) => key.includes(user))).toEqual([])
    expect(await world.eventsOf(documentId)).toEqual(['document.rejected'])
    await until(() => world.notify.queued.has(`${documentId}:rejected`), SOON)
    expect(world.notify.queued.get(`${documentId}:rejected`)).toMatchObject({
      recipient: { $case: 'userId', value: user },
      template: 'document_rejected',
      data: { document: 'Driving licence', reason: document.rejectionText },
    })
    await expect(node.client.getDocumentUrl({ documentId }, asUser(user))).rejects.toMatchObject(CONFLICT)
  })

  it('another content than was announced, where S3 itself does not compare it', async () => {
    const user = world.newUser()
    const [announced, other] = [Buffer.alloc(500, 1), Buffer.alloc(500, 2)]
    const { documentId, key } = await node.announce(user, announced)
    await world.putObject(key, other)
    await node.client.completeUpload({ documentId }, asUser(user))
    expect((await node.settled(user, documentId)).rejectionReason).toBe(RejectionReason.CHECKSUM_MISMATCH)
    expect(await world.keysInBucket(`incoming/${user}`)).toEqual([])
  })

  it.for([499, 501, 1_000_000])('%i bytes where 500 were announced', async (length) => {
    const user = world.newUser()
    const { documentId, key } = await node.announce(user, Buffer.alloc(500, 1))
    await world.putObject(key, Buffer.alloc(length, 1))
    await node.client.completeUpload({ documentId }, asUser(user))
    expect((await node.settled(user, documentId)).rejectionReason).toBe(RejectionReason.SIZE_MISMATCH)
    expect(await world.keysInBucket(`incoming/${user}`)).toEqual([])
  })
})

describe('the address takes exactly the file that was announced', () => {
  it('refuses one byte more, one less, another type and another key', async () => {
    const user = world.newUser()
    const photo = await makePhoto()
    const { upload, key } = await node.announce(user, photo)
    expect((await putFile(upload, Buffer.concat([photo, Buffer.of(0)]))).status).toBe(403)
    expect((await putFile(upload, photo.subarray(1))).status).toBe(403)
    expect((await putFile(upload, photo, { 'content-type': 'text/html' })).status).toBe(403)
    expect((await putFile(upload, photo, { 'x-amz-checksum-sha256': 'AAAA' })).status).toBe(403)
    const elsewhere = upload && { ...upload, url: upload.url.replace(encodeURI(user), `${user}x`) }
    expect((await putFile(elsewhere, photo)).status).toBe(403)
    expect((await world.keysInBucket('incoming/')).filter((each) => each.includes(user))).toEqual([])
    expect((await putFile(upload, photo)).status).toBe(200)
    expect(await world.keysInBucket(`incoming/${user}`)).toEqual([key])
  })

  it('and no more of them once its time is over', async () => {
    const user = world.newUser()
    const photo = await makePhoto()
    await using early = await world.startNode({}, () => Date.now() - 3_600_000)
    const { upload } = await early.announce(user, photo)
    expect((await putFile(upload, photo)).status).toBe(403)
  })

  it('a repeat of the announcement is the same document with a fresh address', async () => {
    const user = world.newUser()
    const photo = await makePhoto()
    const first = await node.announce(user, photo)
    const [second, third] = await Promise.all([node.announce(user, photo), node.announce(user, photo)])
    expect([second?.documentId, third?.documentId]).toEqual([first.documentId, first.documentId])
    expect((await putFile(second?.upload, photo)).status).toBe(200)
  })

  it('what is put there again after the checks is swept, and changes nothing', async () => {
    const user = world.newUser()
    const photo = await makePhoto()
    const { documentId, upload, key } = await node.announce(user, photo)
    await putFile(upload, photo)
    await node.client.completeUpload({ documentId }, asUser(user))
    await node.settled(user, documentId)
    expect((await putFile(upload, photo)).status).toBe(200)
    await node.client.deleteDocument({ documentId }, asUser(user))
    expect(await world.keysInBucket(key)).toEqual([])
  })
})

describe('a request is refused', () => {
  const photo = Buffer.alloc(100, 1)
  it.for([
    ['a path in the file name', { fileName: '../../etc/passwd' }],
    ['a Windows path in the file name', { fileName: 'C:\\x.jpg' }],
    ['a control character in the file name', { fileName: 'a\nb.jpg' }],
    ['no file name', { fileName: '' }],
    ['no bytes', { sizeBytes: 0 }],
    ['no checksum', { sha256: '' }],
    ['another type of document', { documentType: 'passport' }],
    ['another type of content', { contentType: 'image/svg+xml' }],
  ] as const)('%s', async ([, announced]) => {
    await expect(node.announce(world.newUser(), photo, announced)).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
    })
  })

  it('a file that is too large', async () => {
    const wish = node.announce(world.newUser(), photo, { sizeBytes: 11 * 1024 * 1024 })
    await expect(wish).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_TOO_LARGE })
  })

  it('an upload that was never made', async () => {
    const user = world.newUser()
    const { documentId } = await node.announce(user, photo)
    await expect(node.client.completeUpload({ documentId }, asUser(user))).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_UPLOAD_MISSING,
    })
  })

  it('uploads past what may wait, also of many at once', async () => {
    const user = world.newUser()
    const wishes = Array.from({ length: 12 }, (_, index) => node.announce(user, Buffer.alloc(50 + index, 1)))
    const results = await Promise.allSettled(wishes)
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(3)
    expect(await world.records.countDocuments({ userId: user })).toBeLessThanOrEqual(3)
    const refused = results.filter((result) => result.status === 'rejected')
    for (const { reason } of refused)
      expect(reason).toMatchObject({ reason: ErrorReason.ERROR_REASON_LIMIT_REACHED })
  })

  it('bytes past what a day allows', async () => {
    const user = world.newUser()
    await node.announce(user, photo, { sizeBytes: 4_000_000 })
    const more = node.announce(user, Buffer.alloc(90, 1), { sizeBytes: 1_500_000 })
    await expect(more).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_LIMIT_REACHED })
    await node.announce(user, Buffer.alloc(80, 1))
  })

  it('another person’s document, in every method', async () => {
    const [owner, other] = [world.newUser(), world.newUser()]
    const documentId = await node.upload(owner, await makePhoto())
    await node.settled(owner, documentId)
    const { client } = node
    const unknown = [
      client.completeUpload({ documentId }, asUser(other)),
      client.getDocument({ documentId }, asUser(other)),
      client.getDocumentUrl({ documentId }, asUser(other)),
      client.deleteDocument({ documentId }, asUser(other)),
    ]
    await Promise.all(unknown.map((call) => expect(call).rejects.toMatchObject(NOT_FOUND)))
    const forbidden = [
      client.listDocuments({ userId: owner }, asUser(other)),
      client.createUpload(
        {
          documentType: 'rc',
          fileName: 'a',
          contentType: 'image/png',
          sizeBytes: 1,
          sha256: sha256Of(photo),
          userId: owner,
        },
        asUser(other),
      ),
      client.reviewDocument({ documentId, decision: 'approve', reason: '' }, asUser(other)),
      client.openDocument({ documentId, reason: 'I want to see it' }, asUser(owner)),
    ]
    const reason = ErrorReason.ERROR_REASON_FORBIDDEN
    await Promise.all(forbidden.map((call) => expect(call).rejects.toMatchObject({ reason })))
    expect((await node.get(owner, documentId)).state).toBe(DocumentState.AVAILABLE)
  })
})

describe('a reviewer', () => {
  it('approves, and can still reject: the file goes and the owner is told his words', async () => {
    const user = world.newUser()
    const documentId = await node.upload(user, await makePhoto(), { documentType: 'insurance' })
    await node.settled(user, documentId)
    const { admin } = world
    const approval = { documentId, decision: 'approve', reason: '' }
    expect((await node.client.reviewDocument(approval, admin)).document).toMatchObject({
      state: DocumentState.APPROVED,
      reviewedBy: `${world.prefix}-admin`,
    })
    await node.client.reviewDocument(approval, admin)
    expect((await node.get(user, documentId)).reviewedBy).toBe('')
    const rejection = { documentId, decision: 'reject', reason: 'The insurance ended in March' }
    for (const _ of [1, 2]) {
      expect((await node.client.reviewDocument(rejection, admin)).document).toMatchObject({
        state: DocumentState.REJECTED,
        rejectionReason: RejectionReason.BY_REVIEWER,
        rejectionText: 'The insurance ended in March',
      })
    }
    expect(await world.keysInBucket(`documents/${user}`)).toEqual([])
    expect(await world.eventsOf(documentId)).toEqual([
      'document.available',
      'document.approved',
      'document.rejected',
    ])
    await until(() => world.notify.queued.has(`${documentId}:rejected`), SOON)
    await expect(node.client.reviewDocument(approval, admin)).rejects.toMatchObject(CONFLICT)
  })

  it('gives a reason for a rejection', async () => {
    const call = node.client.reviewDocument(
      { documentId: 'd_12345678', decision: 'reject', reason: '' },
      world.admin,
    )
    await expect(call).rejects.toMatchObject({ reason: ErrorReason.ERROR_REASON_INVALID_REQUEST })
  })
})

describe('an Aadhaar card', () => {
  async function uploadCard(user: string): Promise<string> {
    const documentId = await node.upload(user, await makePhoto(), { documentType: 'aadhar' })
    expect(await node.settled(user, documentId)).toMatchObject({
      state: DocumentState.AVAILABLE,
      isSealed: true,
      hasThumbnail: false,
    })
    return documentId
  }

  it('is asked for masked, stored sealed, and opened only by an admin whose reason is on record', async () => {
    const user = world.newUser()
    const { notice } = await node.announce(user, Buffer.alloc(10), { documentType: 'aadhar' })
    expect(notice).toContain('masked')
    const documentId = await uploadCard(user)
    const keys = (await world.keysInBucket()).filter((key) => key.includes(documentId))
    expect(keys).toEqual([`sealed/${user}/${documentId}`])
    await expect(sharp(await world.object(`sealed/${user}/${documentId}`)).metadata()).rejects.toThrow()
    for (const caller of [asUser(user), world.admin])
      await expect(node.client.getDocumentUrl({ documentId }, caller)).rejects.toMatchObject(CONFLICT)

    const reason = 'Complaint 4711: the name differs'
    await expect(node.client.openDocument({ documentId, reason: '' }, world.admin)).rejects.toMatchObject({
      reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
    })
    const opened = await node.client.openDocument({ documentId, reason }, world.admin)
    expect(opened.contentType).toBe('image/jpeg')
    expect((await sharp(opened.content).metadata()).width).toBe(64)
    expect(await world.db.collection('document_openings').findOne({ documentId })).toMatchObject({
      openedBy: `${world.prefix}-admin`,
      reason,
      userId: user,
    })
    const event = await until(() => world.events.find(({ type }) => type === 'document.opened'), SOON)
    expect(event.data).toMatchObject({ documentId, openedBy: `${world.prefix}-admin`, reason })
  })

  it('is never listed with others', async () => {
    const user = world.newUser()
    const card = await uploadCard(user)
    const licence = await node.upload(user, await makePhoto())
    await node.settled(user, licence)
    const listed = async (wish: object, caller = asUser(user)) =>
      (await node.client.listDocuments(wish, caller)).documents.map(({ documentId }) => documentId)
    expect(await listed({})).toEqual([licence])
    expect(await listed({ documentType: 'aadhar' })).toEqual([card])
    expect(await listed({ userId: user }, world.admin)).toEqual([licence])
    const everybody = await node.client.listDocuments({ pageSize: 200 }, world.admin)
    expect(everybody.documents.filter(({ documentType }) => documentType === 'aadhar')).toEqual([])
  })
})

it('a list has pages, newest first, and filters', async () => {
  const user = world.newUser()
  const ids: string[] = []
  for (let index = 0; index < 3; index += 1)
    ids.unshift((await node.announce(user, Buffer.alloc(20 + index))).documentId)
  const first = await node.client.listDocuments({ pageSize: 2 }, asUser(user))
  const second = await node.client.listDocuments(
    { pageSize: 2, pageToken: first.nextPageToken },
    asUser(user),
  )
  const page = [...first.documents, ...second.documents]
  expect(page.map(({ documentId }) => documentId)).toEqual(ids)
  expect(second.nextPageToken).toBe('')
  const available = await node.client.listDocuments({ state: DocumentState.AVAILABLE }, asUser(user))
  expect(available.documents).toEqual([])
  await expect(node.client.listDocuments({ pageToken: 'x' }, asUser(user))).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_INVALID_REQUEST,
  })
})

it('a deleted document is gone with its file, at any time, and deleting it again is the same', async () => {
  const user = world.newUser()
  const settled = await node.upload(user, await makePhoto())
  await node.settled(user, settled)
  const { documentId: waiting } = await node.announce(user, Buffer.alloc(30))
  for (const documentId of [settled, waiting, waiting]) {
    await node.client.deleteDocument({ documentId }, asUser(user))
    await expect(node.get(user, documentId)).rejects.toMatchObject(NOT_FOUND)
  }
  expect(await world.records.countDocuments({ userId: user })).toBe(0)
  expect((await world.keysInBucket()).filter((key) => key.includes(user))).toEqual([])
  await until(async () => (await world.eventsOf(settled)).includes('document.deleted'), SOON)
})

it('says nothing of file names, keys or signatures in its log', () => {
  const text = world.log.lines.join('\n')
  expect(text).toContain('document settled')
  for (const secret of ['licence.jpg', 'X-Amz-Signature', 'Complaint 4711', world.keys.slice(3)])
    expect(text).not.toContain(secret)
})
