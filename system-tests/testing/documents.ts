/** Documents as an app without the SDK sends them, and what of them lies in the bucket. */
import { readFile } from 'node:fs/promises'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { sha256Of } from '@hushryd/docs/testing/sample-files.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { openS3 } from '@hushryd/local/servers/bucket.ts'
import type { TestSystem } from '@hushryd/local/testing/start-system.ts'
import { type Answer, ask, rest, signIn } from './alerts.ts'

export interface Driver {
  readonly userId: string
  readonly token: string
}

export async function createDriver(system: TestSystem, userId: string, phone = ''): Promise<Driver> {
  await ask(system, {
    method: 'PUT',
    path: `/v1/users/${userId}`,
    body: { name: 'Ravi', phone, locale: 'en-IN' },
  })
  return { userId, token: await signIn(system, userId, 'driver') }
}

export interface Announcement {
  readonly documentType?: string
  readonly fileName?: string
  readonly contentType?: string
  readonly sizeBytes?: number
  readonly sha256?: string
}

/** What the edge says to a file; the announcement is true but for what is given. */
export async function announce(
  system: TestSystem,
  { token }: Driver,
  file: Uint8Array,
  given: Announcement = {},
): Promise<Answer> {
  const body = {
    documentType: 'license',
    fileName: 'licence.jpg',
    contentType: 'image/jpeg',
    sizeBytes: file.length,
    sha256: sha256Of(file),
    ...given,
  }
  return await rest(system, { method: 'POST', path: '/v1/documents', token, body })
}

export interface Announced {
  readonly documentId: string
  readonly key: string
  readonly upload: {
    readonly url: string
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly expiresAt: number
  }
}

/** Answers S3's status. */
export async function put({ upload }: Announced, file: Uint8Array): Promise<number> {
  const { url, method, headers } = upload
  const response = await fetch(url, { method, headers, body: Buffer.from(file) })
  await response.arrayBuffer()
  return response.status
}

/** Announced, put and completed; once more where the machine was too slow for the address. */
export async function upload(
  system: TestSystem,
  driver: Driver,
  file: Uint8Array,
  given: Announcement = {},
): Promise<Announced> {
  for (let tries = 1; ; tries += 1) {
    const { status, body } = await announce(system, driver, file, given)
    if (status !== 200) throw new Error(`the announcement: ${status} ${JSON.stringify(body)}`)
    // The public contract of the answer.
    const announced = body as unknown as Announced
    const stored = await put(announced, file)
    if (stored === 200) {
      await ask(system, {
        method: 'POST',
        path: documentPath(announced, ':complete'),
        token: driver.token,
        body: {},
      })
      return announced
    }
    if (tries === 3) throw new Error(`S3 answered ${stored}`)
  }
}

export function documentPath({ documentId }: Pick<Announced, 'documentId'>, more = ''): string {
  return `/v1/documents/${documentId}${more}`
}

/** Once every check has been made. */
export async function settled(
  system: TestSystem,
  { token }: Driver,
  document: Pick<Announced, 'documentId'>,
): Promise<Answer['body']> {
  return await until(
    async () => {
      const found = await ask(system, { path: documentPath(document), token })
      return found.state === 'UPLOADING' || found.state === 'PROCESSING' ? undefined : found
    },
    { timeoutMs: 60_000, what: 'the verdict on a document' },
  )
}

async function withBucket<T>(
  system: TestSystem,
  work: (s3: ReturnType<typeof openS3>, Bucket: string) => Promise<T>,
): Promise<T> {
  const settings = system.plan.stores.special.s3
  const text = (name: string): string => settings[name] ?? ''
  const bucket = text('S3_BUCKET')
  const s3 = openS3({
    endpoint: text('S3_ENDPOINT'),
    region: text('S3_REGION'),
    bucket,
    accessKeyId: text('S3_ACCESS_KEY_ID'),
    secretAccessKey: await readFile(text('S3_SECRET_ACCESS_KEY_FILE'), 'utf8'),
  })
  try {
    return await work(s3, bucket)
  } finally {
    s3.destroy()
  }
}

/** Keys of everything that lies in the bucket for a person or a document. */
export async function objectsOf(system: TestSystem, id: string): Promise<readonly string[]> {
  return await withBucket(system, async (s3, Bucket) => {
    const keys: string[] = []
    let ContinuationToken: string | undefined
    do {
      const page = await s3.send(new ListObjectsV2Command({ Bucket, ContinuationToken }))
      keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key))
      ContinuationToken = page.NextContinuationToken
    } while (ContinuationToken !== undefined)
    return keys.filter((key) => key.includes(id))
  })
}

/** As the bucket holds it, whatever the services would say. */
export async function readObject(system: TestSystem, Key: string): Promise<Buffer> {
  return await withBucket(system, async (s3, Bucket) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  })
}
