/** The uploads of this client, and the word that reaches them of what becomes of their documents. */
import { DocumentUpload, type UploadDocument } from './document-upload.ts'
import type { CallApi, Document, EventFrame } from './generated/types.ts'
import { Retries } from './retries.ts'
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
    const retries = new Retries({
      runtime,
      signal: request.signal,
      timeoutMs: request.timeoutMs ?? TIMEOUT_MS,
      onRetry: (error, retryInMs) => request.onProgress?.({ step: 'retrying', error, retryInMs }),
    })
    const upload = new DocumentUpload({ runtime, calls, request, retries })
    this.#uploads.add(upload)
    try {
      return await upload.run()
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
