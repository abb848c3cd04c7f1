/** Files, as far as an upload needs the machine for them: see runtime.ts. */
import type { AbortSignalLike } from './runtime.ts'

export interface FileRuntime {
  /** SHA-256 by the machine itself; undefined where it has none: React Native, pages without TLS. */
  readonly digest: ((bytes: Uint8Array) => Promise<ArrayBuffer>) | undefined
  /** The bytes of a file that only has an address, as React Native's have. */
  read(uri: string): Promise<ArrayBuffer>
  /** Answers the HTTP status; rejects where there was no answer. */
  send(request: SendRequest): Promise<number>
}

export interface SendRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** A Blob, bytes, or `{ uri }` of a file, which React Native's XMLHttpRequest takes. */
  readonly body: unknown
  readonly signal: AbortSignalLike | undefined
  /** Told as bytes leave, where the machine says so; at least once, at the end. */
  readonly onSent: (bytes: number) => void
}

interface Request {
  responseType: string
  readonly status: number
  readonly response: unknown
  readonly upload: { onprogress: ((event: { readonly loaded: number }) => void) | null }
  onload: (() => void) | null
  onerror: (() => void) | null
  onabort: (() => void) | null
  open(method: string, url: string): void
  setRequestHeader(name: string, value: string): void
  send(body?: unknown): void
  abort(): void
}

interface Host {
  readonly XMLHttpRequest?: new () => Request
  readonly crypto?: { readonly subtle?: { digest(name: string, bytes: Uint8Array): Promise<ArrayBuffer> } }
  fetch(url: string, request: object): Promise<{ readonly status: number; text(): Promise<string> }>
}

const host = globalThis as unknown as Host

export function systemFiles(): FileRuntime {
  const { XMLHttpRequest, crypto } = host
  const subtle = crypto?.subtle
  return {
    digest: subtle === undefined ? undefined : (bytes) => subtle.digest('SHA-256', bytes),
    read(uri) {
      if (XMLHttpRequest === undefined) throw new TypeError('A file with a uri is for React Native.')
      return readByRequest(new XMLHttpRequest(), uri)
    },
    // Only XMLHttpRequest tells how much of a body has left. Node has none.
    send: (request) =>
      XMLHttpRequest === undefined ? sendByFetch(request) : sendByRequest(new XMLHttpRequest(), request),
  }
}

function readByRequest(request: Request, uri: string): Promise<ArrayBuffer> {
  return new Promise((resolve, reject) => {
    request.onload = () => resolve(request.response as ArrayBuffer)
    request.onerror = () => reject(new TypeError('The file cannot be read.'))
    request.open('GET', uri)
    request.responseType = 'arraybuffer'
    request.send()
  })
}

function sendByRequest(request: Request, { url, method, headers, body, signal, onSent }: SendRequest) {
  return new Promise<number>((resolve, reject) => {
    const onAbort = (): void => request.abort()
    const done = (settle: () => void) => (): void => {
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
    request.onload = done(() => resolve(request.status))
    request.onerror = done(() => reject(new TypeError('The network failed.')))
    request.onabort = done(() => reject(new TypeError('The upload was ended.')))
    request.upload.onprogress = ({ loaded }) => onSent(loaded)
    request.open(method, url)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    signal?.addEventListener('abort', onAbort)
    request.send(body)
  })
}

async function sendByFetch({ url, method, headers, body, signal }: SendRequest): Promise<number> {
  const response = await host.fetch(url, {
    method,
    headers,
    body,
    ...(signal === undefined ? {} : { signal }),
  })
  // Read to its end, so that the connection is free for the next request.
  await response.text()
  return response.status
}
