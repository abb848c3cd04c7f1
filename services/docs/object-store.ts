/**
 * Objects in S3, as whole values of a few megabytes.
 *
 * One-part puts, no copies, no lifecycle rules: what every S3 server does the
 * same. A server that is away is UNAVAILABLE, like any other store.
 */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  NotFound,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'

export interface S3Options {
  /** Undefined: AWS by the region. */
  readonly endpoint: string | undefined
  readonly region: string
  readonly bucket: string
  /** Undefined: the SDK's own chain, such as the pod's role. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

export interface ListedObject {
  readonly key: string
  readonly modifiedMs: number
}

export interface NewObject {
  readonly contentType: string
  readonly contentDisposition?: string
  readonly cacheControl?: string
}

const RETRY_AFTER_MS = 1_000
const CONNECT_TIMEOUT_MS = 2_000
const REQUEST_TIMEOUT_MS = 15_000
const SOCKETS_MAX = 64
/** The SDK tries once more by itself; what fails then is the pipeline's to repeat. */
const ATTEMPTS = 2
const CHECK_TIMEOUT_MS = 1_000
/** Statuses that say nothing about the request: the server has a problem of its own. */
const OWN_FAULT = 500
const TOO_MANY = 429

export function createS3Client({ endpoint, region, credentials }: Omit<S3Options, 'bucket'>): S3Client {
  return new S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: ATTEMPTS,
    // Servers other than AWS do not know the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
    },
  })
}

function isMissing(error: unknown): boolean {
  return error instanceof NoSuchKey || error instanceof NotFound
}

/** A refusal of the bucket or the keys is a fault of ours and stays what it is: it shows in the log. */
function translate(error: unknown): unknown {
  const status =
    error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? OWN_FAULT) : OWN_FAULT
  if (status < OWN_FAULT && status !== TOO_MANY) return error
  return new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'A store that this request needs is away.', {
    metadata: { store: 's3' },
    retryAfterMs: RETRY_AFTER_MS,
    cause: error,
  })
}

async function run<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translate(error)
  }
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export class ObjectStore {
  readonly #client: S3Client
  readonly #bucket: string

  constructor(client: S3Client, bucket: string) {
    this.#client = client
    this.#bucket = bucket
  }

  /** Its length; undefined where there is none. */
  async findSize(key: string): Promise<number | undefined> {
    return await run(() =>
      unlessMissing(async () => {
        const { ContentLength } = await this.#client.send(
          new HeadObjectCommand({ Bucket: this.#bucket, Key: key }),
        )
        return ContentLength ?? 0
      }),
    )
  }

  /**
   * The whole object; undefined where there is none. Of one that is longer
   * than `bytesMax` only the length, unread: nobody fills this process's memory.
   */
  async read(
    key: string,
    bytesMax: number,
  ): Promise<{ readonly sizeBytes: number; readonly bytes: Uint8Array | undefined } | undefined> {
    return await run(() =>
      unlessMissing(async () => {
        const { Body, ContentLength = 0 } = await this.#client.send(
          new GetObjectCommand({ Bucket: this.#bucket, Key: key }),
        )
        if (Body === undefined) throw new Error('S3 answered without a body')
        if (ContentLength <= bytesMax) {
          const bytes = await Body.transformToByteArray()
          return { sizeBytes: bytes.length, bytes }
        }
        if ('destroy' in Body) Body.destroy()
        return { sizeBytes: ContentLength, bytes: undefined }
      }),
    )
  }

  async put(
    key: string,
    bytes: Uint8Array,
    { contentType, contentDisposition, cacheControl }: NewObject,
  ): Promise<void> {
    await run(() =>
      this.#client.send(
        new PutObjectCommand({
          Bucket: this.#bucket,
          Key: key,
          Body: bytes,
          ContentLength: bytes.length,
          ContentType: contentType,
          ...(contentDisposition === undefined ? {} : { ContentDisposition: contentDisposition }),
          ...(cacheControl === undefined ? {} : { CacheControl: cacheControl }),
        }),
      ),
    )
  }

  /** All of them, whether or not they are there. */
  async deleteAll(keys: readonly string[]): Promise<void> {
    await run(() =>
      Promise.all(
        keys.map((key) =>
          unlessMissing(() => this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }))),
        ),
      ),
    )
  }

  /** Every object under the prefix, in pages. */
  async *list(prefix: string): AsyncGenerator<readonly ListedObject[]> {
    let token: string | undefined
    do {
      const page = await run(() =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: prefix,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      )
      yield (page.Contents ?? []).flatMap(({ Key, LastModified }) =>
        Key === undefined ? [] : [{ key: Key, modifiedMs: LastModified?.getTime() ?? 0 }],
      )
      token = page.NextContinuationToken
    } while (token !== undefined)
  }

  /** For readiness. */
  async check(): Promise<'ok' | string> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), {
        abortSignal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
      })
      return 'ok'
    } catch (error) {
      return error instanceof Error ? error.name : 'away'
    }
  }
}
