/** What both subprotocols turn frames into and make them from. */
import type { LocationFrame, ServerFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { ID_CHARS_MAX, isId, UPDATES_MAX } from '../limits.ts'
import type { Opcode } from '../ws-frame.ts'

/** A frame that a client sent. `invalid` keeps the id, so that the answer finds its way. */
export type ClientMessage =
  | { readonly kind: 'location'; readonly id: string; readonly location: LocationFrame }
  | { readonly kind: 'locations'; readonly id: string; readonly updates: LocationFrame[] }
  | { readonly kind: 'join'; readonly id: string; readonly tripId: string; readonly sinceMs: number }
  | { readonly kind: 'leave'; readonly id: string; readonly tripId: string }
  | {
      readonly kind: 'call'
      readonly id: string
      readonly method: string
      /** JSON's object, or the binary protocol's bytes. */
      readonly request: unknown
      readonly timeoutMs: number
    }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'ping'; readonly id: string }
  | { readonly kind: 'invalid'; readonly id: string; readonly error: DomainError }

export const PROTOCOL_JSON = 'hushryd.v1.json'
export const PROTOCOL_BINARY = 'hushryd.v1.proto'

/** Server frames but calls' answers, whose payload differs between the protocols. */
export type PlainServerFrame = ServerFrame & {
  frame: Exclude<ServerFrame['frame'], { $case: 'result' | 'next' } | undefined>
}

export interface FrameCodec {
  readonly protocol: typeof PROTOCOL_JSON | typeof PROTOCOL_BINARY
  readonly opcode: Opcode
  /** Never throws. */
  decode(data: Buffer): ClientMessage
  /** A whole WebSocket frame. */
  encode(frame: PlainServerFrame): Buffer
  /** A call's answer as a whole WebSocket frame: JSON's value, or the binary protocol's bytes. */
  encodeAnswer(id: string, kind: 'result' | 'next', value: unknown): Buffer
  /** From the binary protocol's frame of a ServerFrame with `trip` set. */
  encodeTrip(binary: Buffer): Buffer
}

export function invalid(id: string, reason: ErrorReason, message: string): ClientMessage {
  return { kind: 'invalid', id, error: new DomainError(reason, message) }
}

/** The rules that hold for both protocols. */
export function checked(message: ClientMessage): ClientMessage {
  if (message.id.length > ID_CHARS_MAX) {
    return invalid(
      '',
      ErrorReason.ERROR_REASON_INVALID_REQUEST,
      `An id has at most ${ID_CHARS_MAX} characters.`,
    )
  }
  switch (message.kind) {
    case 'location':
      return isId(message.location.tripId) ? message : badTripId(message.id)
    case 'locations':
      if (message.updates.length > UPDATES_MAX) {
        return invalid(
          message.id,
          ErrorReason.ERROR_REASON_INVALID_REQUEST,
          `A frame holds at most ${UPDATES_MAX} updates.`,
        )
      }
      // One position without a trip is refused by its index, not with the whole frame.
      return message
    case 'join':
      if (message.sinceMs < 0) {
        return invalid(message.id, ErrorReason.ERROR_REASON_INVALID_REQUEST, 'sinceMs is negative.')
      }
      return isId(message.tripId) ? message : badTripId(message.id)
    case 'leave':
      return isId(message.tripId) ? message : badTripId(message.id)
    case 'call':
      if (message.id === '') return needsId('call')
      if (message.timeoutMs < 0) {
        return invalid(message.id, ErrorReason.ERROR_REASON_INVALID_REQUEST, 'timeoutMs is negative.')
      }
      return message
    case 'cancel':
      return message.id === '' ? needsId('cancel') : message
    default:
      return message
  }
}

function badTripId(id: string): ClientMessage {
  return invalid(id, ErrorReason.ERROR_REASON_INVALID_REQUEST, 'tripId is missing or no id.')
}

function needsId(kind: string): ClientMessage {
  return invalid('', ErrorReason.ERROR_REASON_INVALID_REQUEST, `A ${kind} needs an id.`)
}

export function noKnownKind(id: string): ClientMessage {
  return invalid(
    id,
    ErrorReason.ERROR_REASON_INVALID_REQUEST,
    'The frame holds none of join, leave, location, locations, call, cancel and ping.',
  )
}
