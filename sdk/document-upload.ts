/**
 * One document from the file in hand to its end: read, announced, put into S3,
 * completed, and watched until it is available or refused.
 *
 * Every step may be repeated without harm, so what fails for a reason that may
 * pass is done again: the same announcement is the same document, with a fresh
 * address where the last one has run out.
 */
import { tell } from './emitter.ts'
import { asHushrydError, HushrydError, unavailable } from './error.ts'
import type { CallApi, CreateUploadResponse, Document } from './generated/types.ts'
import type { Retries } from './retries.ts'
import { type AbortSignalLike, newAbort, type Runtime } from './runtime.ts'
import { type ReadFile, readFile, type UploadFile } from './upload-file.ts'

export interface UploadDocument {
  /** license, rc, insurance, photo or aadhar. */
  readonly documentType: string
  readonly file: UploadFile
  /** What the owner sees; the file's own name where it is left out. */
  readonly fileName?: string | undefined
  /** Told by the content where it is left out: a JPEG, PNG, WebP or PDF. */
  readonly contentType?: string | undefined
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  /** Gives the upload up. What of it has arrived is deleted after its time, unless it was complete. */
  readonly signal?: AbortSignalLike | undefined
  /** For all of it: rejects with DEADLINE_EXCEEDED after this; 15 minutes where it is left out. */
  readonly timeoutMs?: number | undefined
}

export type UploadProgress =
  | { readonly step: 'reading'; readonly readBytes: number; readonly totalBytes: number }
  /** It has an id; `notice` is what its owner should know, such as that a masked Aadhaar is wanted. */
  | { readonly step: 'announced'; readonly documentId: string; readonly notice: string }
  | { readonly step: 'sending'; readonly sentBytes: number; readonly totalBytes: number }
  /** Something failed that may work later. */
  | { readonly step: 'retrying'; readonly error: HushrydError; readonly retryInMs: number }
  /** It is complete; HushRyd looks at it. From here on it goes on without the app. */
  | { readonly step: 'checking'; readonly documentId: string }

export interface DocumentUploadOptions {
  readonly runtime: Runtime
  readonly calls: CallApi['document']
  readonly request: UploadDocument
  readonly retries: Retries
}

/** Beside the time for the bytes themselves. */
const SEND_TIMEOUT_MS = 30_000
/** 20 KB/s: a slower link does not bring a photo of a licence in any time that a person waits. */
const SLOWEST_BYTES_PER_MS = 20
/** A file that was put and is not there is put again, so often. */
const MISSING_MAX = 3
/** While it is being checked; an event comes sooner. */
const LOOK_FIRST_MS = 500
const LOOK_LONGEST_MS = 10_000

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/webp': '.webp',
  'application/pdf': '.pdf',
}

export interface DocumentUpload {
  readonly done: Promise<Document>
  /** Something happened to a document, perhaps to this one. */
  onEvent(documentId: unknown): void
}

export function startUpload({ runtime, calls, request, retries }: DocumentUploadOptions): DocumentUpload {
  const { signal } = retries
  const say = (progress: UploadProgress): void => tell(request.onProgress, progress)
  let documentId = ''

  async function run(): Promise<Document> {
    const file = await readFile(runtime.files, request.file, (readBytes, totalBytes) =>
      say({ step: 'reading', readBytes, totalBytes }),
    ).catch((cause: unknown) => {
      const details = { code: 'INVALID_ARGUMENT', reason: 'FILE_UNREADABLE', cause }
      throw new HushrydError('The file cannot be read.', details)
    })
    for (let missing = 0; ; missing += 1) {
      await put(file)
      try {
        await retries.run(() => calls.completeUpload({ documentId }, { signal }))
        break
      } catch (error) {
        if (asHushrydError(error).reason !== 'UPLOAD_MISSING' || missing === MISSING_MAX) throw error
      }
    }
    say({ step: 'checking', documentId })
    return await watch()
  }

  /** Until the file is in S3. */
  async function put(file: ReadFile): Promise<void> {
    for (let refusals = 0; ; refusals += 1) {
      const announced = await retries.run(() => announce(file))
      const status = await retries.run(() => send(announced, file))
      if (status < 300) return
      // 403 is an address that has run out, or one that this very file does not fit; once more tells which.
      if (status !== 403 || refusals > 0) {
        throw new HushrydError(`The file was refused (${status}).`, {
          code: 'FAILED_PRECONDITION',
          reason: 'UPLOAD_REFUSED',
        })
      }
    }
  }

  async function announce({ name, contentType, sizeBytes, sha256 }: ReadFile): Promise<CreateUploadResponse> {
    const type = request.contentType ?? contentType
    const announced = await calls.createUpload(
      {
        documentType: request.documentType,
        fileName: request.fileName ?? (name || request.documentType + (EXTENSIONS[type] ?? '')),
        contentType: type,
        sizeBytes,
        sha256,
      },
      { signal },
    )
    documentId = announced.documentId
    say({ step: 'announced', documentId, notice: announced.notice })
    return announced
  }

  /** Answers S3's status; what may pass with time rejects. */
  async function send({ upload }: CreateUploadResponse, { body, sizeBytes }: ReadFile): Promise<number> {
    if (upload === undefined) throw unavailable('The edge gave no address.')
    const abort = newAbort()
    const onAbort = (): void => abort.abort()
    const timer = runtime.setTimer(onAbort, SEND_TIMEOUT_MS + sizeBytes / SLOWEST_BYTES_PER_MS)
    signal?.addEventListener('abort', onAbort)
    const onSent = (sentBytes: number): void =>
      say({ step: 'sending', sentBytes: Math.min(sentBytes, sizeBytes), totalBytes: sizeBytes })
    try {
      onSent(0)
      const { url, method, headers } = upload
      const status = await runtime.files.send({ url, method, headers, body, signal: abort.signal, onSent })
      if (status >= 500 || status === 408 || status === 429) throw new Error(`The store answered ${status}.`)
      if (status < 300) onSent(sizeBytes)
      return status
    } catch (error) {
      throw unavailable('The file could not be sent.', error)
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async function watch(): Promise<Document> {
    for (let waitMs = LOOK_FIRST_MS; ; waitMs = Math.min(waitMs * 1.5, LOOK_LONGEST_MS)) {
      const { document } = await retries.run(() => calls.getDocument({ documentId }, { signal }))
      if (document?.state === 'AVAILABLE' || document?.state === 'APPROVED') return document
      if (document?.state === 'REJECTED') {
        throw new HushrydError(document.rejectionText, {
          code: 'FAILED_PRECONDITION',
          reason: document.rejectionReason,
        })
      }
      await retries.pause(waitMs)
    }
  }

  return {
    done: run(),
    onEvent(about) {
      if (about === documentId) retries.wake()
    },
  }
}
