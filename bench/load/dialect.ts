/**
 * What a system's clients say, so that one generator can load all of them and
 * its own share of the work is the same for each.
 */
import { ClientFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { findTimeMs } from './frame-time.ts'

export const DIALECTS = ['hushryd', 'relay', 'socketio'] as const
export type DialectName = (typeof DIALECTS)[number]
export type Encoding = 'binary' | 'json'

export interface Update {
  readonly tripId: string
  readonly lat: number
  readonly lng: number
  readonly timestampMs: number
}

/** What a frame tells the generator. */
export type Seen =
  | { readonly kind: 'position'; readonly timestampMs: number }
  | { readonly kind: 'joined' }
  | { readonly kind: 'error'; readonly text: string }
  /** Has to be said back. */
  | { readonly kind: 'reply'; readonly payload: Buffer }
  | undefined

export interface Dialect {
  readonly protocol: string | undefined
  /** Of the upgrade. */
  path(tripId: string, role: 'driver' | 'rider'): string
  /** A rider's first words; undefined where the path says it all. */
  join(tripId: string): Buffer | undefined
  /** Frames of one update: all but the last are text, the last is binary where `encoding` says so. */
  encode(update: Update): readonly { readonly payload: Buffer; readonly isText: boolean }[]
  read(payload: Buffer, isText: boolean): Seen
}

function positionOf({ tripId, lat, lng, timestampMs }: Update) {
  return { tripId, lat, lng, accuracy: 5, speed: 8.2, heading: 90, timestampMs }
}

function binaryUpdate(update: Update): Buffer {
  const frame: ClientFrame = { id: '', frame: { $case: 'location', value: positionOf(update) } }
  return Buffer.from(ClientFrame.encode(frame).finish())
}

function jsonUpdate(update: Update): Buffer {
  return Buffer.from(JSON.stringify({ location: positionOf(update) }))
}

/** ServerFrame.trip.updates.timestamp_ms, and ClientFrame.location.timestamp_ms. */
const TRIP_TIME = [4, 2, 7]
const LOCATION_TIME = [4, 7]

const TIME_KEY = '"timestampMs":'

function jsonTimeMs(text: string): number {
  const at = text.indexOf(TIME_KEY)
  return Number.parseInt(text.slice(at + TIME_KEY.length, at + TIME_KEY.length + 13), 10)
}

function hushryd(encoding: Encoding): Dialect {
  const isJson = encoding === 'json'
  return {
    protocol: isJson ? 'hushryd.v1.json' : 'hushryd.v1.proto',
    path: () => '/v1/ws',
    join(tripId) {
      const value = { tripId, sinceMs: 0 }
      if (isJson) return Buffer.from(JSON.stringify({ id: 'j', join: value }))
      return Buffer.from(ClientFrame.encode({ id: 'j', frame: { $case: 'join', value } }).finish())
    },
    encode: (update) => [{ payload: isJson ? jsonUpdate(update) : binaryUpdate(update), isText: isJson }],
    read(payload, isText) {
      if (!isText) {
        const timestampMs = findTimeMs(payload, TRIP_TIME)
        if (timestampMs !== undefined) return { kind: 'position', timestampMs }
        // The answer to the join is the only one with an id.
        if (payload[0] === 0x0a && payload[2] === 0x6a) return { kind: 'joined' }
        return payload.includes('UNAUTHENTICATED') || payload.includes('RATE_LIMITED')
          ? { kind: 'error', text: payload.toString('latin1') }
          : undefined
      }
      const text = payload.toString('latin1')
      if (text.startsWith('{"trip"')) return { kind: 'position', timestampMs: jsonTimeMs(text) }
      if (text.includes('"joined"')) return { kind: 'joined' }
      return text.includes('"error"') ? { kind: 'error', text } : undefined
    },
  }
}

/** The least that a relay can do: what a driver sends is what the followers get. */
function relay(encoding: Encoding): Dialect {
  const isJson = encoding === 'json'
  return {
    protocol: undefined,
    path: (tripId, role) => `/?trip=${tripId}&role=${role}`,
    join: () => undefined,
    encode: (update) => [{ payload: isJson ? jsonUpdate(update) : binaryUpdate(update), isText: isJson }],
    read(payload, isText) {
      if (payload.length === 1) return { kind: 'joined' }
      const timestampMs = isText ? jsonTimeMs(payload.toString('latin1')) : findTimeMs(payload, LOCATION_TIME)
      return timestampMs === undefined ? undefined : { kind: 'position', timestampMs }
    },
  }
}

/** Engine.IO 4 and Socket.IO 5 packets, over WebSocket only. */
function socketio(encoding: Encoding): Dialect {
  const isJson = encoding === 'json'
  const placeholder = Buffer.from('451-["position",{"_placeholder":true,"num":0}]')
  return {
    protocol: undefined,
    path: (tripId, role) => `/socket.io/?EIO=4&transport=websocket&trip=${tripId}&role=${role}`,
    join: () => Buffer.from('40'),
    encode(update) {
      if (isJson) return [{ payload: Buffer.from(`42["position",${jsonUpdate(update)}]`), isText: true }]
      return [
        { payload: placeholder, isText: true },
        { payload: binaryUpdate(update), isText: false },
      ]
    },
    read(payload, isText) {
      if (!isText) {
        const timestampMs = findTimeMs(payload, LOCATION_TIME)
        return timestampMs === undefined ? undefined : { kind: 'position', timestampMs }
      }
      const text = payload.toString('latin1')
      if (text === '2') return { kind: 'reply', payload: Buffer.from('3') }
      if (text.startsWith('40')) return { kind: 'joined' }
      if (text.startsWith('42')) return { kind: 'position', timestampMs: jsonTimeMs(text) }
      return text.startsWith('44') ? { kind: 'error', text } : undefined
    },
  }
}

export function dialectOf(name: DialectName, encoding: Encoding): Dialect {
  if (name === 'hushryd') return hushryd(encoding)
  return name === 'relay' ? relay(encoding) : socketio(encoding)
}
