/** An OpenTelemetry collector as far as tests need one: takes OTLP over HTTP and keeps the spans. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire'

export interface CollectedSpan {
  /** Of the process that sent it. */
  readonly service: string
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  /** Empty for the first of a trace. */
  readonly parentId: string
  readonly attributes: Readonly<Record<string, string>>
  readonly isFailure: boolean
}

export interface TraceCollector extends AsyncDisposable {
  readonly endpoint: string
  readonly spans: readonly CollectedSpan[]
}

type Read = (reader: BinaryReader) => void

/** The fields by their numbers; what is not named is skipped. */
function readMessage(bytes: Uint8Array, fields: Readonly<Record<number, Read>>): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    const read = fields[number]
    if (read === undefined) reader.skip(type as WireType, number)
    else read(reader)
  }
}

function readAttribute(bytes: Uint8Array): [string, string] {
  let key = ''
  let value = ''
  readMessage(bytes, {
    1: (reader) => {
      key = reader.string()
    },
    2: (reader) =>
      readMessage(reader.bytes(), {
        1: (inner) => {
          value = inner.string()
        },
      }),
  })
  return [key, value]
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const STATUS_ERROR = 2

/** opentelemetry/proto/trace/v1/trace.proto, message Span. */
function readSpan(bytes: Uint8Array, service: string): CollectedSpan {
  const text = { name: '', traceId: '', spanId: '', parentId: '' }
  const attributes: Record<string, string> = {}
  let isFailure = false
  const take = (field: keyof typeof text, read: (reader: BinaryReader) => string): Read => {
    return (reader) => {
      text[field] = read(reader)
    }
  }
  readMessage(bytes, {
    1: take('traceId', (reader) => hex(reader.bytes())),
    2: take('spanId', (reader) => hex(reader.bytes())),
    4: take('parentId', (reader) => hex(reader.bytes())),
    5: take('name', (reader) => reader.string()),
    9: (reader) => {
      const [key, value] = readAttribute(reader.bytes())
      attributes[key] = value
    },
    15: (reader) =>
      readMessage(reader.bytes(), {
        3: (status) => {
          isFailure = status.int32() === STATUS_ERROR
        },
      }),
  })
  return { ...text, service, attributes, isFailure }
}

/** Spans of one process: its resource comes first. */
function readProcess(bytes: Uint8Array): CollectedSpan[] {
  const spans: CollectedSpan[] = []
  let service = ''
  readMessage(bytes, {
    1: (reader) =>
      readMessage(reader.bytes(), {
        1: (inner) => {
          const [key, value] = readAttribute(inner.bytes())
          if (key === 'service.name') service = value
        },
      }),
    2: (reader) =>
      readMessage(reader.bytes(), {
        2: (inner) => spans.push(readSpan(inner.bytes(), service)),
      }),
  })
  return spans
}

export async function startTraceCollector(): Promise<TraceCollector> {
  const spans: CollectedSpan[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      readMessage(Buffer.concat(chunks), { 1: (reader) => spans.push(...readProcess(reader.bytes())) })
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
