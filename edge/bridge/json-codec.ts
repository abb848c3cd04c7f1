/** A method's messages between JSON, as apps write it, and bytes, as gRPC carries them. */
import { type DescMessage, fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { isFieldError } from '@bufbuild/protobuf/reflect'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { descriptors } from '@hushryd/kernel/rpc/descriptors.ts'
import { findUnknownEnumName } from './enum-names.ts'
import { longsToNumbers } from './json-numbers.ts'
import { isObject, type JsonObject } from './json-object.ts'

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
  const { registry } = descriptors()
  try {
    return toBinary(message, fromJson(message, json, { ignoreUnknownFields: true, registry }))
  } catch (error) {
    throw refusal(error)
  }
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
