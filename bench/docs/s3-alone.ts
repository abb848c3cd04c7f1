/** What S3 takes for the objects of an upload with nobody else on the machine. */
import { readFile } from 'node:fs/promises'
import { createS3Client, ObjectStore } from '../../services/docs/object-store.ts'
import { inTurn } from '../load/in-turn.ts'
import { secondsSince } from './figures.ts'

export interface S3Alone {
  readonly files: number
  /** The clients' part: one put a file. */
  readonly putsPerSecond: number
  /** What one file makes altogether: put, read, put of the stored file and of its thumbnail, deletion of the upload. */
  readonly wholeWayMsPerFile: number
}

const THUMBNAIL_BYTES = 10_000
const PHOTO = { contentType: 'image/jpeg' }

async function openBucket(settings: NodeJS.ProcessEnv): Promise<ObjectStore> {
  const { S3_ENDPOINT, S3_REGION = '', S3_BUCKET = '', S3_ACCESS_KEY_ID: accessKeyId = '' } = settings
  const secretAccessKey =
    settings.S3_SECRET_ACCESS_KEY ?? (await readFile(settings.S3_SECRET_ACCESS_KEY_FILE ?? '', 'utf8')).trim()
  const credentials = { accessKeyId, secretAccessKey }
  return new ObjectStore(createS3Client({ endpoint: S3_ENDPOINT, region: S3_REGION, credentials }), S3_BUCKET)
}

export async function measureS3Alone(
  settings: NodeJS.ProcessEnv,
  {
    files,
    count,
    width,
  }: { readonly files: readonly Uint8Array[]; readonly count: number; readonly width: number },
): Promise<S3Alone> {
  const bucket = await openBucket(settings)
  const fileOf = (index: number): Uint8Array => files[index % files.length] ?? new Uint8Array()
  const startMs = performance.now()
  await inTurn(count, width, (index) => bucket.put(`alone/${index}`, fileOf(index), PHOTO))
  const putsS = secondsSince(startMs)
  await inTurn(count, width, async (index) => {
    const file = fileOf(index)
    await bucket.read(`alone/${index}`, file.length)
    await bucket.put(`alone/${index}.stored`, file, PHOTO)
    await bucket.put(`alone/${index}.thumbnail`, file.subarray(0, THUMBNAIL_BYTES), PHOTO)
    await bucket.deleteAll([`alone/${index}`])
  })
  const wholeWayMsPerFile = Math.round((secondsSince(startMs) * 100_000) / count) / 100
  return { files: count, putsPerSecond: Math.round(count / putsS), wholeWayMsPerFile }
}
