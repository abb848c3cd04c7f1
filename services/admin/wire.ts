/**
 * Messages of WatchEvents, put together from parts that are encoded once.
 *
 * Protobuf joins what is written one after the other, so a message is its own
 * few fields followed by its events, each of which was encoded when it came
 * from the log, with the bytes that its service wrote. Pure.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  AdminServiceDefinition,
  type Gap,
  LoggedEvent,
  WatchEventsResponse,
} from '@hushryd/gen/hushryd/admin/v1/admin.ts'

const EVENTS_FIELD = 3
const EVENT_FIELD = 3

function tag(field: number): number {
  return (field << 3) | WireType.LengthDelimited
}

/** An event as one element of a message's `events`. */
export function encodeEventPart(sequence: number, recordedAtMs: number, event: Uint8Array): Uint8Array {
  const logged = LoggedEvent.encode({ sequence, recordedAt: recordedAtMs, event: undefined })
    .uint32(tag(EVENT_FIELD))
    .bytes(event)
    .finish()
  return new BinaryWriter().uint32(tag(EVENTS_FIELD)).bytes(logged).finish()
}

export interface MessageParts {
  readonly sequence: number
  readonly previousSequence: number
  /** Of encodeEventPart. */
  readonly events: readonly Uint8Array[]
  readonly caughtUp?: boolean
  readonly gap?: Gap | undefined
  readonly logId?: string
}

export function encodeMessage(parts: MessageParts): Buffer {
  const { sequence, previousSequence, events, caughtUp = false, gap, logId = '' } = parts
  const own = { sequence, previousSequence, events: [], caughtUp, gap, logId }
  return Buffer.concat([WatchEventsResponse.encode(own).finish(), ...events])
}

const { watchEvents } = AdminServiceDefinition.methods

/** The contract's service, but for WatchEvents, whose messages come encoded. */
export const ServedAdminDefinition = {
  ...AdminServiceDefinition,
  methods: {
    ...AdminServiceDefinition.methods,
    watchEvents: {
      ...watchEvents,
      responseType: {
        encode: (bytes: Uint8Array) => ({ finish: () => bytes }),
        decode: (bytes: Uint8Array) => bytes,
      },
    },
  },
} as const
