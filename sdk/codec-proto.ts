/** The subprotocol hushryd.v1.proto: smaller frames, and cheaper ones for the edge. */
import type { FrameCodec } from './codec.ts'
import type { ServerFrame } from './generated/types.ts'
import { decodeMessage, encodeMessage } from './message-codec.ts'

export const protoCodec: FrameCodec = {
  subprotocol: 'hushryd.v1.proto',
  encode: (frame) => encodeMessage('edge.ClientFrame', { ...frame }),
  decode: (data) => decodeMessage('edge.ServerFrame', bytesOf(data)) as unknown as ServerFrame,
  encodePayload: encodeMessage,
  decodePayload: (message, payload) => decodeMessage(message, payload as Uint8Array),
}

function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw new TypeError('A binary frame is bytes.')
}
