/**
 * Invariant: whatever pieces a socket's bytes come in, the messages are those
 * that the library alone would give, in their order, and what breaks the
 * protocol ends the socket as it would there.
 * Method: the library's server over a pair of streams instead of a network.
 */
import type { IncomingMessage } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { createWholeFrames } from './whole-frames.ts'

const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const FINAL = 0x80

const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, autoPong: false })
const UPGRADE = {
  method: 'GET',
  headers: {
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  },
}

/** What an endpoint has seen, in its order. */
interface Endpoint {
  readonly seen: string[]
  readonly app: Duplex
  /** Messages that did not go through the library's reader. */
  readonly taken: () => number
}

function open({ whole }: { readonly whole: boolean }): Endpoint {
  const [app, socket] = duplexPair()
  const seen: string[] = []
  let taken = 0
  const tell = (_ws: WebSocket, payload: Buffer, isBinary: boolean): void => {
    seen.push(`${isBinary ? 'binary' : 'text'} ${payload.toString('hex')}`)
  }
  const attach = createWholeFrames((ws, payload, isBinary) => {
    taken += 1
    tell(ws, payload, isBinary)
  })
  server.handleUpgrade(UPGRADE as IncomingMessage, socket, Buffer.alloc(0), (ws) => {
    if (whole) expect(attach(ws)).toBe(true)
    ws.on('message', (data: Buffer, isBinary) => tell(ws, data, isBinary))
    ws.on('ping', (data) => seen.push(`ping ${data.toString('hex')}`))
    ws.on('error', (error: Error & { code?: string }) => seen.push(`error ${error.code}`))
    ws.on('close', (code) => seen.push(`close ${code}`))
  })
  app.resume()
  return { seen, app, taken: () => taken }
}

function frame(first: number, payload: Buffer, { isMasked = true } = {}): Buffer {
  const { length } = payload
  const head = length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127]
  const long = Buffer.alloc(length < 65_536 ? 0 : 8)
  if (long.length > 0) long.writeBigUInt64BE(BigInt(length))
  const mask = isMasked ? [7, 0, 250, 99] : []
  head[0] = (head[0] ?? 0) | (isMasked ? 0x80 : 0)
  const body = payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0))
  return Buffer.concat([Buffer.from([first, ...head]), long, Buffer.from(mask), body])
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 140 }),
  fc.integer({ min: 65_530, max: 65_540 }).map((length) => new Uint8Array(length).fill(120)),
)
const text = fc.string({ maxLength: 60, unit: 'binary' }).map((each) => Buffer.from(each))
const piece = fc.oneof(
  { weight: 6, arbitrary: payload.map((each) => frame(FINAL | BINARY, Buffer.from(each))) },
  { weight: 4, arbitrary: text.map((each) => frame(FINAL | TEXT, each)) },
  { weight: 2, arbitrary: text.map((each) => frame(FINAL | PING, each.subarray(0, 20))) },
  {
    weight: 3,
    // One message in two frames, with a ping between them.
    arbitrary: fc
      .tuple(text, text)
      .map(([a, b]) =>
        Buffer.concat([frame(BINARY, a), frame(FINAL | PING, Buffer.alloc(0)), frame(FINAL, b)]),
      ),
  },
  { weight: 1, arbitrary: fc.constant(frame(FINAL | TEXT, Buffer.from([0xc3, 0x28]))) },
  { weight: 1, arbitrary: fc.constant(frame(FINAL | BINARY, Buffer.from('x'), { isMasked: false })) },
  { weight: 1, arbitrary: fc.constant(frame(FINAL | CLOSE, Buffer.from([3, 232]))) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 8 }).map((each) => Buffer.from(each)) },
)

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)))
}

async function send({ app }: Endpoint, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    if (chunk.length > 0 && app.writable) app.write(Buffer.from(chunk))
    await setImmediate()
  }
  app.end()
  for (let turn = 0; turn < 5; turn += 1) await setImmediate()
}

describe('whole frames', () => {
  it('are the messages that the library gives, however the bytes are cut', async () => {
    const given = fc.tuple(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.boolean(),
    )
    await fc.assert(
      fc.asyncProperty(given, async ([pieces, places, isCut]) => {
        const chunks = isCut ? cut(Buffer.concat(pieces), places) : pieces
        const [ours, plain] = [open({ whole: true }), open({ whole: false })]
        await Promise.all([send(ours, chunks), send(plain, chunks)])
        expect(ours.seen).toEqual(plain.seen)
      }),
      { numRuns: 300 },
    )
  })

  it('are taken where they come whole, and again after one that did not', async () => {
    const endpoint = open({ whole: true })
    const one = frame(FINAL | BINARY, Buffer.from('one'))
    const chunks = [one, Buffer.concat([one, one]), one.subarray(0, 4), one.subarray(4), one]
    await send(endpoint, chunks)
    expect(endpoint.seen.filter((each) => each.startsWith('binary'))).toHaveLength(5)
    expect(endpoint.taken()).toBe(4)
  })

  it('are left to a library that is not the one that is known', () => {
    const attach = createWholeFrames(() => undefined)
    expect(attach({} as WebSocket)).toBe(false)
    expect(attach({ _receiver: { write: () => true } } as unknown as WebSocket)).toBe(false)
  })
})
