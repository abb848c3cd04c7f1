/** The subprotocol hushryd.v1.json: what apps see is the JSON itself. */
import type { FrameCodec } from './codec.ts'
import type { ServerFrame } from './generated/types.ts'

export const jsonCodec: FrameCodec = {
  subprotocol: 'hushryd.v1.json',
  encode: (frame) => JSON.stringify(frame),
  decode(data) {
    const frame: ServerFrame = JSON.parse(String(data))
    return frame.id === undefined ? { ...frame, id: '' } : frame
  },
  encodePayload: (_, value) => value,
  decodePayload: (_, payload) => payload,
}
