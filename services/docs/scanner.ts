/**
 * The virus scanner: clamd by its INSTREAM command, a connection a file.
 *
 * The protocol is a dozen lines, so it is spoken here: the file is in memory
 * already, nothing goes through the disk, and a scan has one deadline. An
 * answer that is neither "OK" nor "FOUND" is never taken for clean.
 * https://linux.die.net/man/8/clamd
 */
import { createConnection, type Socket } from 'node:net'

export type ScanResult =
  | { readonly kind: 'clean' }
  | { readonly kind: 'found'; readonly signature: string }
  | { readonly kind: 'too_large' }

/** No verdict: the scanner is away, busy or broken. The file waits. */
export class ScannerAway extends Error {}

export interface Scanner {
  /** Throws `ScannerAway`. */
  scan(bytes: Uint8Array): Promise<ScanResult>
  /** Throws `ScannerAway`. */
  ping(): Promise<void>
}

export interface ScannerOptions {
  /** `tcp://host:port` or `unix:///path`. */
  readonly url: string
  readonly timeoutMs: number
}

const CHUNK_BYTES = 256 * 1024
const LENGTH_BYTES = 4
const PING_TIMEOUT_MS = 1_000
/** clamd's answers are one line. */
const ANSWER_CHARS_MAX = 4_096

function open(url: string): Socket {
  const { protocol, hostname, port, pathname } = new URL(url)
  return protocol === 'unix:'
    ? createConnection({ path: pathname })
    : createConnection({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) })
}

/** Sends what `write` writes and answers clamd's line; commands and answers end with a zero byte (the `z` prefix). */
function ask({ url, timeoutMs }: ScannerOptions, write: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = open(url)
    let answer = ''
    const fail = (cause: unknown): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(new ScannerAway('the virus scanner gives no answer', { cause }))
    }
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    socket.setEncoding('utf8')
    socket.once('connect', () => write(socket))
    socket.once('error', fail)
    socket.once('close', () => fail(new Error('the connection was closed')))
    socket.on('data', (text: string) => {
      answer += text
      const end = answer.indexOf('\0')
      if (end < 0 && answer.length < ANSWER_CHARS_MAX) return
      clearTimeout(timer)
      socket.destroy()
      resolve(answer.slice(0, Math.max(end, 0)).trim())
    })
  })
}

function writeFile(socket: Socket, bytes: Uint8Array): void {
  socket.cork()
  socket.write('zINSTREAM\0')
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const chunk = bytes.subarray(start, start + CHUNK_BYTES)
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt32BE(chunk.length)
    socket.write(length)
    socket.write(chunk)
  }
  socket.write(Buffer.alloc(LENGTH_BYTES))
  socket.uncork()
}

export function createScanner(options: ScannerOptions): Scanner {
  return {
    async scan(bytes) {
      const answer = await ask(options, (socket) => writeFile(socket, bytes))
      if (answer === 'stream: OK') return { kind: 'clean' }
      const [, signature] = /^stream: (.+) FOUND$/.exec(answer) ?? []
      if (signature !== undefined) return { kind: 'found', signature }
      // Its own limit is below ours: waiting would change nothing.
      if (/size limit exceeded/i.test(answer)) return { kind: 'too_large' }
      throw new ScannerAway(`the virus scanner answers: ${answer.slice(0, 200)}`)
    },
    async ping() {
      const answer = await ask({ ...options, timeoutMs: PING_TIMEOUT_MS }, (socket) =>
        socket.write('zPING\0'),
      )
      if (answer !== 'PONG') throw new ScannerAway('the virus scanner does not answer PING with PONG')
    },
  }
}
