/** The uploads of this client, and the word that reaches them of what becomes of their documents. */
import { type DocumentUpload, startUpload, type UploadDocument } from './document-upload.ts'
import { tell } from './emitter.ts'
import type { CallApi, Document, EventFrame } from './generated/types.ts'
import { createRetries } from './retries.ts'
import type { Runtime } from './runtime.ts'

const TIMEOUT_MS = 15 * 60_000
const CHANGED = 'document.changed'

export interface DocumentsOptions {
  readonly runtime: Runtime
  readonly calls: CallApi['document']
}

export class Documents {
  readonly #options: DocumentsOptions
  readonly #uploads = new Set<DocumentUpload>()

  constructor(options: DocumentsOptions) {
    this.#options = options
  }

  async upload(request: UploadDocument): Promise<Document> {
    const { runtime, calls } = this.#options
    const retries = createRetries({
      runtime,
      signal: request.signal,
      timeoutMs: request.timeoutMs ?? TIMEOUT_MS,
      onRetry: (error, retryInMs) => tell(request.onProgress, { step: 'retrying', error, retryInMs }),
    })
    const upload = startUpload({ runtime, calls, request, retries })
    this.#uploads.add(upload)
    try {
      return await upload.done
    } finally {
      this.#uploads.delete(upload)
      retries.close()
    }
  }

  onEvent(event: EventFrame): void {
    if (event.type !== CHANGED) return
    for (const upload of this.#uploads) upload.onEvent(event.data?.documentId)
  }
}
