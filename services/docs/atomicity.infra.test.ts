/**
 * Property 6, document upload atomicity. Invariant: once the work on an upload
 * is over, its file is stored, recorded and told to operations, or nothing of
 * it is left; and never is it shown as available or rejected before that is
 * so. Method: the process dies at any call to any store, before or after its
 * effect, with and without a deletion at that moment; then two others take
 * the document up at once. Real S3, MongoDB, NATS and scanner.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ContentType, Document, DocumentType } from './document.ts'
import { fileKey, type KeyedDocument, thumbnailKey } from './object-keys.ts'
import { Pipeline, type PipelineParts } from './pipeline.ts'
import { World } from './testing/docs-world.ts'
import { Died, DyingProcess } from './testing/dying-process.ts'
import { EICAR, makePdf, makePhoto } from './testing/sample-files.ts'
import { openWorkshop, type Workshop } from './testing/workshop.ts'

let world: World
let workshop: Workshop
const files = new Map<
  string,
  { bytes: Buffer; type: DocumentType; contentType: ContentType; isGood: boolean }
>()

beforeAll(async () => {
  world = await World.start()
  workshop = await openWorkshop(world)
  const photo = await makePhoto()
  files.set('photo', { bytes: photo, type: 'license', contentType: 'image/jpeg', isGood: true })
  files.set('pdf', { bytes: await makePdf(), type: 'rc', contentType: 'application/pdf', isGood: true })
  files.set('card', { bytes: photo, type: 'aadhar', contentType: 'image/jpeg', isGood: true })
  files.set('virus', { bytes: EICAR, type: 'license', contentType: 'image/jpeg', isGood: false })
})

afterAll(async () => {
  await workshop[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

/** More than any way through the pipeline has. */
const CALLS_MAX = 16

const scenarios = fc.record({
  kind: fc.constantFrom('photo', 'pdf', 'card', 'virus'),
  death: fc.record({ atCall: fc.nat({ max: CALLS_MAX }), isAfterEffect: fc.boolean() }),
  isDeletedThen: fc.boolean(),
})

function within(process: DyingProcess, parts: PipelineParts): PipelineParts {
  return {
    ...parts,
    store: process.reach(parts.store),
    objects: process.reach(parts.objects),
    announcer: process.reach(parts.announcer),
  }
}

async function keysOf({ userId }: KeyedDocument): Promise<string[]> {
  return (await world.keysInBucket()).filter((key) => key.includes(`/${userId}/`))
}

/** What is true of whatever state is shown, at any moment. */
async function checkShown(document: Document): Promise<void> {
  const keys = await keysOf(document)
  const told = await world.eventsOf(document.id)
  if (document.state === 'available') {
    expect(keys.toSorted()).toEqual(expectedKeys(document).toSorted())
    expect(told).toContain('document.available')
  }
  if (document.state === 'rejected') {
    expect(keys).toEqual([])
    expect(told).toContain('document.rejected')
  }
}

function expectedKeys(document: Document): string[] {
  return document.stored?.hasThumbnail === true
    ? [fileKey(document), thumbnailKey(document)]
    : [fileKey(document)]
}

it('Property 6: an upload ends whole or not at all, wherever the process dies', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(scenarios, async ({ kind, death, isDeletedThen }) => {
      const file = files.get(kind)
      if (file === undefined) throw new Error('no such file')
      const upload = await workshop.addUpload(file.type, file.contentType, file.bytes)
      const { parts } = workshop
      const process = new DyingProcess(death)
      const first = new Pipeline(within(process, parts)).run(upload)
      await first.catch((error: unknown) => {
        if (!(error instanceof Died)) throw error
      })
      const left = await parts.store.find(upload.id)
      if (left !== undefined) await checkShown(left)

      if (isDeletedThen) await parts.store.transit(upload.id, 'delete', { nowMs: Date.now() })
      const others = [new Pipeline(parts), new Pipeline(parts)]
      await Promise.all(others.map((pipeline) => pipeline.run(upload)))
      // The one that was slower may have come after the deletion: its message comes again.
      await new Pipeline(parts).run(upload)

      const end = await parts.store.find(upload.id)
      if (isDeletedThen) {
        expect(end).toBeUndefined()
        expect(await keysOf(upload)).toEqual([])
        expect(await world.eventsOf(upload.id)).toContain('document.deleted')
        return
      }
      expect(end?.state).toBe(file.isGood ? 'available' : 'rejected')
      if (end !== undefined) await checkShown(end)
      await world.nats.flush()
      const ids = world.events
        .filter(({ data }) => data?.documentId === upload.id)
        .map(({ eventId }) => eventId)
      expect([...new Set(ids)]).toEqual([`${upload.id}:${file.isGood ? 'available' : 'rejected'}`])
      expect(world.notify.queued.has(`${upload.id}:rejected`)).toBe(!file.isGood)
    }),
    { numRuns: 60, verbose: 1 },
  )
  expect(await workshop.reconciler.compare()).toEqual({ orphans: [], lost: [] })
})

it('what does not match is found, and repaired', async () => {
  const { parts, reconciler } = workshop
  const file = files.get('photo')
  if (file === undefined) throw new Error('no such file')
  const upload = await workshop.addUpload(file.type, file.contentType, file.bytes)
  await new Pipeline(parts).run(upload)
  await world.deleteObject(fileKey(upload))
  const strays = ['incoming/somebody/d_00000000', 'documents/somebody/rc/d_00000000.thumbnail', 'sealed/what']
  for (const key of strays) await world.putObject(key, Buffer.from('x'))

  const findings = await reconciler.compare()
  expect({ ...findings, orphans: findings.orphans.toSorted() }).toEqual({
    orphans: strays.toSorted(),
    lost: [upload.id],
  })
  await reconciler.repair(findings)
  const lost = await parts.store.find(upload.id)
  expect(lost).toMatchObject({ state: 'rejecting', rejection: { reason: 'damaged' } })
  await new Pipeline(parts).run(upload)
  expect(await reconciler.compare()).toEqual({ orphans: [], lost: [] })
  expect(world.notify.queued.get(`${upload.id}:rejected`)?.data).toMatchObject({
    reason: 'The file was lost on our side',
  })
})
