/**
 * What the client needs of the machine it runs on: Node, a browser and React
 * Native all have it, and a test brings its own. Nothing else of the package
 * touches a global, but for `file-runtime.ts`, its part for files.
 */
import { type FileRuntime, systemFiles } from './file-runtime.ts'

export interface Timer {
  /** Does nothing once the timer has fired. */
  cancel(): void
}

export interface Runtime {
  /** Milliseconds since 1970. */
  nowMs(): number
  setTimer(onDue: () => void, delayMs: number): Timer
  /** From 0 up to, not including, 1. */
  random(): number
  randomBytes(length: number): Uint8Array
  fetch(url: string, request: FetchRequest): Promise<FetchResponse>
  openSocket: WebSocketFactory
  readonly files: FileRuntime
}

export interface FetchRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignalLike
}

export interface FetchResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
}

export interface AbortSignalLike {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What of a WebSocket is used; the global one and that of the package `ws` fit. */
export interface WebSocketLike {
  binaryType: string
  readonly readyState: number
  send(data: string | Uint8Array): void
  close(code?: number, reason?: string): void
  addEventListener(type: string, listener: (event: SocketEvent) => void): void
}

export interface SocketEvent {
  readonly type: string
  /** Of a message. */
  readonly data?: unknown
  /** Of a close. */
  readonly code?: number
}

export type WebSocketFactory = (url: string, protocols: string[]) => WebSocketLike

interface Host {
  readonly WebSocket?: new (url: string, protocols: string[]) => WebSocketLike
  readonly AbortController?: new () => { readonly signal: AbortSignalLike; abort(): void }
  readonly crypto?: { getRandomValues?(bytes: Uint8Array): Uint8Array }
  fetch(url: string, request: FetchRequest): Promise<FetchResponse>
  setTimeout(onDue: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
}

const host = globalThis as unknown as Host

export function systemRuntime(webSocket: WebSocketFactory | undefined): Runtime {
  return {
    nowMs: () => Date.now(),
    setTimer(onDue, delayMs) {
      const timer = host.setTimeout(onDue, delayMs)
      return { cancel: () => host.clearTimeout(timer) }
    },
    random: () => Math.random(),
    randomBytes,
    fetch: (url, request) => host.fetch(url, request),
    openSocket: webSocket ?? openGlobalSocket(),
    files: systemFiles(),
  }
}

function openGlobalSocket(): WebSocketFactory {
  const { WebSocket } = host
  if (WebSocket === undefined) {
    throw new Error(
      'There is no global WebSocket here (Node before 22): pass createClient a webSocket factory.',
    )
  }
  return (url, protocols) => new WebSocket(url, protocols)
}

/**
 * React Native has no secure random numbers of its own. Ids made here name
 * things and guard nothing, so there plain ones do.
 */
function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  if (host.crypto?.getRandomValues !== undefined) return host.crypto.getRandomValues(bytes)
  for (let index = 0; index < length; index += 1) bytes[index] = Math.floor(Math.random() * 256)
  return bytes
}

/** An AbortController where the machine has one; a fetch is then also ended, and not only given up. */
export function newAbort(): { readonly signal?: AbortSignalLike; abort(): void } {
  return host.AbortController === undefined ? { abort: () => {} } : new host.AbortController()
}
