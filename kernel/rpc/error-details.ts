/**
 * google.rpc.Status with ErrorInfo, RetryInfo and BadRequest, to and from
 * bytes: the richer error model that gRPC carries in `grpc-status-details-bin`.
 * Field numbers from google/rpc/status.proto and google/rpc/error_details.proto.
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Violation } from '../error.ts'

export const ERROR_DETAILS_KEY = 'grpc-status-details-bin'
const ERROR_DOMAIN = 'hushryd'
const TYPE_PREFIX = 'type.googleapis.com/google.rpc.'

export interface ErrorDetails {
  readonly code: number
  readonly message: string
  /** ErrorInfo.reason, where its domain is ours. */
  readonly reason: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly retryAfterMs: number
  readonly violations: readonly Violation[]
}

function writeAny(status: BinaryWriter, name: string, fill: (writer: BinaryWriter) => void): void {
  const body = new BinaryWriter()
  fill(body)
  status
    .uint32(26)
    .fork()
    .uint32(10)
    .string(TYPE_PREFIX + name)
    .uint32(18)
    .bytes(body.finish())
    .join()
}

export function encodeErrorDetails(details: ErrorDetails): Uint8Array {
  const status = new BinaryWriter()
  status.uint32(8).int32(details.code).uint32(18).string(details.message)
  const { reason, metadata, retryAfterMs, violations } = details
  if (reason !== undefined) {
    writeAny(status, 'ErrorInfo', (writer) => {
      writer.uint32(10).string(reason).uint32(18).string(ERROR_DOMAIN)
      for (const [key, value] of Object.entries(metadata)) {
        writer.uint32(26).fork().uint32(10).string(key).uint32(18).string(value).join()
      }
    })
  }
  if (retryAfterMs > 0) {
    writeAny(status, 'RetryInfo', (writer) => {
      const seconds = Math.floor(retryAfterMs / 1000)
      const nanos = Math.round((retryAfterMs - seconds * 1000) * 1e6)
      writer.uint32(10).fork().uint32(8).int64(seconds).uint32(16).int32(nanos).join()
    })
  }
  if (violations.length > 0) {
    writeAny(status, 'BadRequest', (writer) => {
      for (const { field, description } of violations) {
        writer.uint32(10).fork().uint32(10).string(field).uint32(18).string(description).join()
      }
    })
  }
  return status.finish()
}

type FieldReader = (reader: BinaryReader) => void

/** Calls the reader of each field that has one, and skips the rest. */
function readFields(bytes: Uint8Array, fields: Readonly<Record<number, FieldReader>>): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag()
    const read = fields[no]
    if (read === undefined || type === WireType.StartGroup) reader.skip(type, no)
    else read(reader)
  }
}

function readPair(bytes: Uint8Array): [string, string] {
  let first = ''
  let second = ''
  readFields(bytes, {
    1: (reader) => {
      first = reader.string()
    },
    2: (reader) => {
      second = reader.string()
    },
  })
  return [first, second]
}

/** Undefined where the bytes are no google.rpc.Status. */
export function decodeErrorDetails(bytes: Uint8Array): ErrorDetails | undefined {
  let code = 0
  let message = ''
  let reason: string | undefined
  let retryAfterMs = 0
  const metadata: Record<string, string> = {}
  const violations: Violation[] = []

  const readErrorInfo = (body: Uint8Array): void => {
    let domain = ''
    let name = ''
    readFields(body, {
      1: (reader) => {
        name = reader.string()
      },
      2: (reader) => {
        domain = reader.string()
      },
      3: (reader) => {
        const [key, value] = readPair(reader.bytes())
        metadata[key] = value
      },
    })
    if (domain === ERROR_DOMAIN) reason = name
  }
  const readRetryInfo = (body: Uint8Array): void => {
    readFields(body, {
      1: (outer) =>
        readFields(outer.bytes(), {
          1: (reader) => {
            retryAfterMs += Number(reader.int64()) * 1000
          },
          2: (reader) => {
            retryAfterMs += reader.int32() / 1e6
          },
        }),
    })
  }
  const readBadRequest = (body: Uint8Array): void => {
    readFields(body, {
      1: (reader) => {
        const [field, description] = readPair(reader.bytes())
        violations.push({ field, description })
      },
    })
  }
  const readDetail = (any: Uint8Array): void => {
    let type = ''
    let body: Uint8Array = new Uint8Array()
    readFields(any, {
      1: (reader) => {
        type = reader.string()
      },
      2: (reader) => {
        body = reader.bytes()
      },
    })
    if (type === `${TYPE_PREFIX}ErrorInfo`) readErrorInfo(body)
    else if (type === `${TYPE_PREFIX}RetryInfo`) readRetryInfo(body)
    else if (type === `${TYPE_PREFIX}BadRequest`) readBadRequest(body)
  }

  try {
    readFields(bytes, {
      1: (reader) => {
        code = reader.int32()
      },
      2: (reader) => {
        message = reader.string()
      },
      3: (reader) => readDetail(reader.bytes()),
    })
  } catch {
    // A peer that is none of ours may put anything there; the status code still stands.
    return undefined
  }
  return { code, message, reason, metadata, retryAfterMs, violations }
}
