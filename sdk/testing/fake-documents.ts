/** The documents of a small HushRyd, and the store that their files are put into. */
import type { SendRequest } from '../file-runtime.ts'
import type { CreateUploadRequest } from '../generated/types.ts'
import type { FetchResponse } from '../runtime.ts'

/** What happens to one request to the edge or to the store. */
export type DocumentFault =
  | 'none'
  /** It never arrives. */
  | 'unreachable'
  /** It arrives; the answer does not. */
  | 'answer lost'
  /** The answer is that it cannot be done now. */
  | 'unavailable'
  /** The address has run out, where it goes to the store; else as none. */
  | 'expired'
  /** The store says yes and loses the file. */
  | 'file lost'

interface FakeDocument {
  readonly request: CreateUploadRequest
  isStored: boolean
  completed: number
}

export class FakeDocuments {
  readonly documents = new Map<string, FakeDocument>()
  /** Of requests to come, to the edge and to the store alike; then none. */
  readonly faults: DocumentFault[] = []
  /** What a complete document looks like from the given look on; it is being checked before. */
  verdict: { readonly fromLook: number; readonly document: object } = {
    fromLook: 1,
    document: { state: 'AVAILABLE' },
  }
  /** Headers and body of what was put, in order. */
  readonly puts: { readonly headers: object; readonly body: unknown }[] = []
  addresses = 0
  looks = 0

  /** As the edge. */
  fetch(method: string, pathname: string, body: string | undefined): FetchResponse {
    const fault = this.faults.shift() ?? 'none'
    if (fault === 'unreachable') throw new TypeError('fetch failed')
    if (fault === 'unavailable') return answerOf(503, { code: 'UNAVAILABLE', reason: 'UNAVAILABLE' })
    const answer = this.#answer(method, pathname, body)
    if (fault === 'answer lost') throw new TypeError('fetch failed')
    return answer
  }

  #answer(method: string, pathname: string, body: string | undefined): FetchResponse {
    if (pathname === '/v1/documents') return answerOf(200, this.#announce(JSON.parse(body ?? '{}')))
    const [, documentId = '', action] = /^\/v1\/documents\/([^:]+)(:complete)?$/.exec(pathname) ?? []
    const document = this.documents.get(documentId)
    if (document === undefined) return answerOf(404, { code: 'NOT_FOUND', reason: 'DOCUMENT_NOT_FOUND' })
    if (method === 'POST' && action !== undefined) {
      if (!document.isStored)
        return answerOf(400, { code: 'FAILED_PRECONDITION', reason: 'UPLOAD_MISSING', detail: 'missing' })
      document.completed += 1
    } else this.looks += 1
    const isDone = document.completed > 0 && this.looks >= this.verdict.fromLook
    const state = document.completed > 0 ? 'PROCESSING' : 'UPLOADING'
    return answerOf(200, { documentId, ...(isDone ? this.verdict.document : { state }) })
  }

  #announce(request: CreateUploadRequest): object {
    const known = [...this.documents].find(
      ([
        ,
        {
          request: { sha256 },
          completed,
        },
      ]) => sha256 === request.sha256 && completed === 0,
    )
    const documentId = known?.[0] ?? `d_${this.documents.size + 1}`
    if (known === undefined) this.documents.set(documentId, { request, isStored: false, completed: 0 })
    this.addresses += 1
    const url = `https://store/${documentId}?address=${this.addresses}`
    return {
      documentId,
      key: `incoming/${documentId}`,
      upload: { url, method: 'PUT', headers: { 'content-type': request.contentType }, expiresAt: 0 },
      notice: request.documentType === 'aadhar' ? 'A masked one, please.' : '',
    }
  }

  /** As the store. */
  async send({ url, headers, body, onSent }: SendRequest): Promise<number> {
    const fault = this.faults.shift() ?? 'none'
    if (fault === 'unreachable') throw new TypeError('The network failed.')
    if (fault === 'unavailable') return 503
    if (fault === 'expired') return 403
    const document = this.documents.get(new URL(url).pathname.slice(1))
    if (document === undefined) return 404
    onSent(1)
    this.puts.push({ headers, body })
    if (fault !== 'file lost') document.isStored = true
    if (fault === 'answer lost') throw new TypeError('The network failed.')
    return 200
  }
}

function answerOf(status: number, body: object): FetchResponse {
  return { status, headers: { get: () => null }, text: async () => JSON.stringify(body) }
}
