/** The subprotocol hushryd.v1.proto. */
import { ClientFrame, ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { binaryFrame, OPCODE_BINARY } from '../ws-frame.ts'
import {
  type ClientMessage,
  checked,
  type FrameCodec,
  invalid,
  noKnownKind,
  PROTOCOL_BINARY,
} from './codec.ts'
import { readLocation } from './location-reader.ts'

export function messageOf({ id, frame }: ClientFrame): ClientMessage {
  switch (frame?.$case) {
    case 'location':
      return { kind: 'location', id, location: frame.value }
    case 'locations':
      return { kind: 'locations', id, updates: frame.value.updates }
    case 'join':
      return { kind: 'join', id, tripId: frame.value.tripId, sinceMs: frame.value.sinceMs }
    case 'leave':
      return { kind: 'leave', id, tripId: frame.value.tripId }
    case 'call':
      return { kind: 'call', id, ...frame.value }
    case 'cancel':
      return { kind: 'cancel', id }
    case 'ping':
      return { kind: 'ping', id }
    default:
      return noKnownKind(id)
  }
}

function decode(data: Buffer): ClientMessage {
  const read = readLocation(data)
  if (read !== undefined) return checked({ kind: 'location', ...read })
  let frame: ClientFrame
  try {
    frame = ClientFrame.decode(data)
  } catch {
    return invalid('', ErrorReason.ERROR_REASON_MALFORMED, 'The frame is no ClientFrame.')
  }
  return checked(messageOf(frame))
}

export const binaryCodec: FrameCodec = {
  protocol: PROTOCOL_BINARY,
  opcode: OPCODE_BINARY,
  decode,
  encode: (frame) => binaryFrame(ServerFrame.encode(frame).finish()),
  encodeAnswer(id, kind, value) {
    if (!(value instanceof Uint8Array)) throw new Error('a binary answer is bytes')
    return binaryFrame(ServerFrame.encode({ id, frame: { $case: kind, value: Buffer.from(value) } }).finish())
  },
  encodeTrip: (binary) => binary,
}
