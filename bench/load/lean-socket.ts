/**
 * A WebSocket client made for load: no masking work, no copies, no timers, so
 * that the generator takes little of the two cores that it shares with what it
 * measures.
 */
import { connect, type Socket } from 'node:net'

/** Called with each complete frame's payload, a view into the receive buffer, valid during the call only. */
export type FrameReader = (payload: Buffer, isText: boolean) => void

const OPCODE_TEXT = 1
const OPCODE_BINARY = 2
const OPCODE_CLOSE = 8
const OPCODE_PING = 9
const OPCODE_PONG = 10
/** RFC 6455's for a connection that ended without a close frame. */
const CLOSED_WITHOUT_CODE = 1006

export interface LeanSocket {
  readonly raw: Socket
  send(payload: Buffer, isText: boolean): void
}

/** The node answered the upgrade with something else than an open socket. */
export class UpgradeRefused extends Error {
  readonly status: number
  /** 0 where the answer names no time. */
  readonly retryAfterMs: number

  constructor(head: string, body: string) {
    const statusLine = head.slice(0, head.indexOf('\r\n'))
    super(`${statusLine} ${body}`)
    this.status = Number(statusLine.split(' ', 2)[1])
    this.retryAfterMs = Number(/\r\nretry-after: (\d+)/i.exec(head)?.[1] ?? 0) * 1_000
  }
}

/** What every socket of this process reads into: its frames are looked at before the next read. */
const READ_BYTES = 65_536
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES)

/** Opens one, from the given loopback address; rejects with UpgradeRefused where the node refuses. */
export function openLeanSocket(options: {
  host: string
  port: number
  path: string
  localAddress: string
  protocol: string | undefined
  token: string | undefined
  onFrame: FrameReader
  onClose: (code: number) => void
}): Promise<LeanSocket> {
  return new Promise((resolve, reject) => {
    let pending: Buffer | undefined
    let open = false
    let closeCode = CLOSED_WITHOUT_CODE
    const raw = connect({
      host: options.host,
      port: options.port,
      localAddress: options.localAddress,
      onread: {
        buffer: readBuffer,
        callback(bytes) {
          onData(readBuffer.subarray(0, bytes))
          return true
        },
      },
    })
    raw.setNoDelay(true)
    raw.once('connect', () => {
      raw.write(
        `GET ${options.path} HTTP/1.1\r\nHost: ${options.host}:${options.port}\r\nUpgrade: websocket\r\n` +
          'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
          (options.protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${options.protocol}\r\n`) +
          (options.token === undefined ? '' : `Authorization: Bearer ${options.token}\r\n`) +
          '\r\n',
      )
    })
    function onData(chunk: Buffer): void {
      let data: Buffer = pending === undefined ? chunk : Buffer.concat([pending, chunk])
      pending = undefined
      if (!open) {
        const end = data.indexOf('\r\n\r\n')
        if (end === -1) {
          pending = Buffer.from(data)
          return
        }
        const head = data.subarray(0, end + 2).toString()
        if (!head.startsWith('HTTP/1.1 101 ')) {
          raw.destroy()
          reject(new UpgradeRefused(head, data.subarray(end + 4).toString()))
          return
        }
        open = true
        data = data.subarray(end + 4)
        resolve({
          raw,
          send: (payload, isText) => raw.write(maskedFrame(payload, isText ? OPCODE_TEXT : OPCODE_BINARY)),
        })
      }
      const rest = readFrames(data, (payload, opcode) => {
        if (opcode < OPCODE_CLOSE) options.onFrame(payload, opcode === OPCODE_TEXT)
        // Pings are answered and a close ends the socket, as with any client.
        else if (opcode === OPCODE_PING) raw.write(maskedFrame(payload, OPCODE_PONG))
        else if (opcode === OPCODE_CLOSE) {
          if (payload.length >= 2) closeCode = payload.readUInt16BE()
          raw.end(maskedFrame(payload, OPCODE_CLOSE))
        }
      })
      // The next read overwrites it.
      pending = rest === undefined ? undefined : Buffer.from(rest)
    }
    raw.on('error', reject)
    raw.once('close', () => {
      if (open) options.onClose(closeCode)
      else reject(new Error('closed before the upgrade'))
    })
  })
}

/** Header and payload in one buffer; the mask is zero, which the protocol allows and which leaves the payload as it is. */
export function maskedFrame(payload: Buffer, opcode: number): Buffer {
  const long = payload.length > 125
  const headerBytes = long ? 8 : 6
  const frame = Buffer.allocUnsafe(headerBytes + payload.length)
  frame.fill(0, headerBytes - 4, headerBytes)
  frame[0] = 0x80 | opcode
  if (long) {
    frame[1] = 0x80 | 126
    frame.writeUInt16BE(payload.length, 2)
  } else {
    frame[1] = 0x80 | payload.length
  }
  payload.copy(frame, headerBytes)
  return frame
}

/** Reads what is complete, and returns what is not. */
function readFrames(data: Buffer, onFrame: (payload: Buffer, opcode: number) => void): Buffer | undefined {
  let offset = 0
  while (data.length - offset >= 2) {
    const first = data[offset] ?? 0
    let length = (data[offset + 1] ?? 0) & 0x7f
    let start = offset + 2
    if (length === 126) {
      if (data.length - offset < 4) break
      length = data.readUInt16BE(offset + 2)
      start = offset + 4
    } else if (length === 127) {
      if (data.length - offset < 10) break
      length = Number(data.readBigUInt64BE(offset + 2))
      start = offset + 10
    }
    if (data.length < start + length) break
    onFrame(data.subarray(start, start + length), first & 0x0f)
    offset = start + length
  }
  return offset === data.length ? undefined : data.subarray(offset)
}
