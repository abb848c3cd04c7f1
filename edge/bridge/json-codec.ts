/** A method's messages between JSON, as apps write it, and bytes, as gRPC carries them. */
import {
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { isFieldError } from '@bufbuild/protobuf/reflect'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { descriptors, fieldOption } from '@hushryd/kernel/rpc/descriptors.ts'
import { findUnknownEnumName } from './enum-names.ts'
import { longsToNumbers } from './json-numbers.ts'
import { isObject, type JsonObject } from './json-object.ts'

const DISPENSABLE = 'hushryd.options.v1.dispensable'

function refusal(error: unknown): DomainError {
  const cause = error instanceof Error ? error.cause : undefined
  if (!isFieldError(cause)) {
    return new DomainError(
      ErrorReason.ERROR_REASON_MALFORMED,
      'The request does not have the form of its message.',
      {
        cause: error,
      },
    )
  }
  const violation = { field: cause.field().name, description: cause.message }
  return new DomainError(
    ErrorReason.ERROR_REASON_INVALID_REQUEST,
    `The request’s field ${violation.field} cannot be read.`,
    { violations: [violation], cause: error },
  )
}

/** 64-bit integers may be numbers or strings, names camel or snake case; unknown fields are ignored. */
export function requestToBinary(message: DescMessage, json: unknown): Uint8Array {
  if (!isObject(json)) {
    throw new DomainError(ErrorReason.ERROR_REASON_MALFORMED, 'The request is no JSON object.')
  }
  const unknownName = findUnknownEnumName(message, json)
  if (unknownName !== undefined) {
    throw new DomainError(
      ErrorReason.ERROR_REASON_INVALID_REQUEST,
      `The request’s field ${unknownName.field} has an unknown value.`,
      { violations: [unknownName] },
    )
  }
  try {
    return toBinary(message, readMessage(message, json))
  } catch (error) {
    const rest = withoutUnreadable(message, json)
    if (rest === undefined) throw refusal(error)
    return requestToBinary(message, rest)
  }
}

function readMessage(message: DescMessage, json: JsonObject): Message {
  return fromJson(message, json, { ignoreUnknownFields: true, registry: descriptors().registry })
}

/** Without the fields that the contract can do without and that cannot be read; undefined where there are none. */
function withoutUnreadable(message: DescMessage, json: JsonObject): JsonObject | undefined {
  function isUnreadable(field: DescField): boolean {
    if (fieldOption(field, DISPENSABLE) !== true) return false
    try {
      readMessage(message, { [field.jsonName]: json[field.jsonName] ?? json[field.name] ?? null })
      return false
    } catch {
      return true
    }
  }
  const names = message.fields.filter(isUnreadable).flatMap(({ name, jsonName }) => [name, jsonName])
  if (names.length === 0) return undefined
  return Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)))
}

/** With default values written, 64-bit integers as numbers, enums as names and bytes in base64. */
export function answerToJson(message: DescMessage, bytes: Uint8Array): JsonObject {
  const { registry } = descriptors()
  const json: JsonValue = toJson(message, fromBinary(message, bytes), { alwaysEmitImplicit: true, registry })
  const answer = longsToNumbers(message, json)
  if (!isObject(answer))
    throw new Error(`${message.typeName} is no JSON object, so no method answers with it`)
  return answer
}
