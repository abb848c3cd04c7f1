import type { ClientFrame, ServerFrame } from './generated/types.ts'
import type { Message } from './message-codec.ts'
import { encodeUtf8 } from './wire.ts'

/** One of the two subprotocols. Calls' payloads are what `encodePayload` made and `decodePayload` takes. */
export interface FrameCodec {
  readonly subprotocol: string
  encode(frame: ClientFrame): string | Uint8Array
  /** Throws where the data is no frame. */
  decode(data: unknown): ServerFrame
  /** `message` is a name of the generated tables. */
  encodePayload(message: string, value: Message): unknown
  decodePayload(message: string, payload: unknown): unknown
}

/** Of an encoded frame, as it goes over the network. */
export function byteLength(data: string | Uint8Array): number {
  return typeof data === 'string' ? encodeUtf8(data).length : data.length
}
