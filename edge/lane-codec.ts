/**
 * The edge's end of the lane: the same bytes that ts-proto writes and reads,
 * by hand where there are tens of thousands a second.
 */

import { ConnectRequest, ConnectResponse } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import { Cursor } from '@hushryd/kernel/wire/cursor.ts'
import type { ReportBlock } from './report-block.ts'
import type { TripPosition } from './room.ts'
import { binaryFrameOf } from './ws-frame.ts'

/** What goes up: ConnectRequest with its reports already encoded. */
export interface LaneUp {
  readonly head: ConnectRequest
  readonly reports: ReportBlock | undefined
}

export const LaneUpCodec = {
  encode({ head, reports }: LaneUp): { finish(): Uint8Array } {
    const front = ConnectRequest.encode(head).finish()
    // The order of fields is free in protobuf.
    return { finish: () => (reports === undefined ? front : Buffer.concat([front, reports.bytes])) }
  },
  decode: (input: Uint8Array): LaneUp => ({ head: ConnectRequest.decode(input), reports: undefined }),
}

const TAG_TRIPS = 0x12
/** One for all: nothing here is re-entrant. */
const cursor = new Cursor()

/** What comes down: ConnectResponse, whose positions are read one by one when they are sent on. */
export class LaneDown {
  /** All but the positions. */
  readonly rest: ConnectResponse
  readonly #input: Buffer
  /** Where each position begins and ends. */
  readonly #places: readonly number[]

  constructor(rest: ConnectResponse, input: Buffer, places: readonly number[]) {
    this.rest = rest
    this.#input = input
    this.#places = places
  }

  get positionCount(): number {
    return this.#places.length / 2
  }

  /** Throws RangeError for a number that there is none of, or one that is no position. */
  positionAt(index: number): TripPosition {
    const start = this.#places[index * 2]
    const end = this.#places[index * 2 + 1]
    if (start === undefined || end === undefined) throw new RangeError(`no position ${index}`)
    return readPosition(this.#input, start, end)
  }
}

export const LaneDownCodec = {
  encode: ({ rest }: LaneDown): { finish(): Uint8Array } => ConnectResponse.encode(rest),
  decode(input: Uint8Array): LaneDown {
    const reader = cursor.over(input)
    const { buffer } = reader
    const end = buffer.length
    const places: number[] = []
    const others: Buffer[] = []
    while (reader.at < end) {
      const start = reader.at
      const tag = reader.varint()
      if (tag === TAG_TRIPS) {
        const limit = reader.limit(end)
        places.push(reader.at, limit)
        reader.at = limit
      } else {
        reader.skip(tag, end)
        others.push(buffer.subarray(start, reader.at))
      }
    }
    const [first = buffer.subarray(end)] = others
    const rest = others.length > 1 ? Buffer.concat(others) : first
    return new LaneDown(ConnectResponse.decode(rest), buffer, places)
  },
}

/** A LanePosition. The frame is copied: a slow reader must not keep the whole message in memory. */
function readPosition(input: Buffer, start: number, end: number): TripPosition {
  const reader = cursor.over(input)
  reader.at = start
  let tripId = ''
  let userId = ''
  let timestampMs = 0
  let frameStart = end
  let frameEnd = end
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === 0x0a) tripId = reader.id(end)
    else if (tag === 0x12) userId = reader.id(end)
    else if (tag === 0x18) timestampMs = reader.varint()
    else if (tag === 0x22) {
      frameEnd = reader.limit(end)
      frameStart = reader.at
      reader.at = frameEnd
    } else reader.skip(tag, end)
  }
  return { tripId, userId, timestampMs, binary: binaryFrameOf(input, frameStart, frameEnd), json: undefined }
}

const { connect } = LocationServiceDefinition.methods

/** The contract's service with the lane's own codecs. */
export const LaneDefinition = {
  ...LocationServiceDefinition,
  methods: {
    ...LocationServiceDefinition.methods,
    connect: { ...connect, requestType: LaneUpCodec, responseType: LaneDownCodec },
  },
} as const
