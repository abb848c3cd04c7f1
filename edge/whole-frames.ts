/**
 * Takes whole, plain frames straight from what a socket read, past the
 * library's own reader: a phone's position comes as one frame in one packet,
 * and for that a stream, a queue of pieces and three copies of views are too
 * much. Everything else goes to the library as before: control frames, pieces
 * of messages, frames that came in part, frames of another form, and all that
 * follows them until the library is between two messages again.
 *
 * It looks at three fields of the library's reader that are not documented.
 * Where they are missing nothing is taken, and all is as without this file.
 */
import { isUtf8 } from 'node:buffer'
import type { WebSocket } from 'ws'
import { OPCODE_BINARY, OPCODE_TEXT } from './ws-frame.ts'

/** A message's payload is a part of what was read, and the caller's to keep. */
export type TakeMessage = (ws: WebSocket, payload: Buffer, isBinary: boolean) => void

/** What is used of ws's Receiver (8.x). */
interface Receiver {
  readonly _state: number
  readonly _bufferedBytes: number
  readonly _fragmented: number
  write: (this: Receiver, chunk: Buffer) => boolean
}

const FINAL = 0x80
const MASKED = 0x80
const MASK_BYTES = 4
const LENGTH_16 = 126
/** The reader waits for the first bytes of a frame. */
const BETWEEN_FRAMES = 0

const OWNER = Symbol('owner')
type Bound = Receiver & { [OWNER]?: WebSocket }

/** Answers how to attach it to a socket that has just opened: false where the library is not the one that is known here. */
export function createWholeFrames(take: TakeMessage): (ws: WebSocket) => boolean {
  /** In place of the reader's own, to which the library hands all that comes. */
  function write(this: Bound, chunk: Buffer): boolean {
    const ws = this[OWNER]
    const taken = ws !== undefined && isBetweenMessages(this) ? takeFrom(chunk, ws, take) : 0
    if (taken === chunk.length) return true
    const { write: rest } = Object.getPrototypeOf(this) as Receiver
    return rest.call(this, taken === 0 ? chunk : chunk.subarray(taken))
  }

  return (ws) => {
    const { _receiver: receiver } = ws as WebSocket & { readonly _receiver?: Bound }
    if (receiver === undefined || !isBetweenMessages(receiver)) return false
    receiver[OWNER] = ws
    receiver.write = write
    return true
  }
}

function isBetweenMessages({ _state, _bufferedBytes, _fragmented }: Receiver): boolean {
  return _state === BETWEEN_FRAMES && _bufferedBytes === 0 && _fragmented === 0
}

/** Answers where the first byte stands that was not taken. */
function takeFrom(chunk: Buffer, ws: WebSocket, take: TakeMessage): number {
  let at = 0
  // A message may close the socket; what follows is the library's to drop.
  while (at < chunk.length && ws.readyState === ws.OPEN) {
    const opcode = (chunk[at] ?? 0) ^ FINAL
    if (opcode !== OPCODE_BINARY && opcode !== OPCODE_TEXT) return at
    const short = (chunk[at + 1] ?? 0) ^ MASKED
    if (short > LENGTH_16) return at
    const maskAt = short === LENGTH_16 ? at + 4 : at + 2
    const start = maskAt + MASK_BYTES
    const length = short === LENGTH_16 ? ((chunk[at + 2] ?? 0) << 8) | (chunk[at + 3] ?? 0) : short
    const end = start + length
    if (end > chunk.length) return at
    unmask(chunk, maskAt, start, end)
    const payload = chunk.subarray(start, end)
    if (opcode === OPCODE_TEXT && !isUtf8(payload)) {
      // The library closes such a socket with its own code.
      unmask(chunk, maskAt, start, end)
      return at
    }
    at = end
    take(ws, payload, opcode === OPCODE_BINARY)
  }
  return at
}

function unmask(chunk: Buffer, maskAt: number, start: number, end: number): void {
  for (let index = start; index < end; index += 1) {
    chunk[index] = (chunk[index] ?? 0) ^ (chunk[maskAt + ((index - start) & 3)] ?? 0)
  }
}
