/**
 * The contract's own rules (buf.validate), checked on the bytes of a request.
 *
 * Generated messages are ts-proto's and carry no descriptors, so the bytes are
 * decoded a second time by protobuf-es. Requests whose type has no rule are
 * not decoded again.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  hasOption,
  type Registry,
} from '@bufbuild/protobuf'
import { pathToString } from '@bufbuild/protobuf/reflect'
import { createValidator, type Validator } from '@bufbuild/protovalidate'
import { DomainError, ErrorReason, type Violation } from '../error.ts'
import { descriptors } from './descriptors.ts'

/** Throws INVALID_REQUEST with the violations, or MALFORMED. */
export type CheckRequest = (bytes: Uint8Array) => void

/** Shown to the caller at most; more only repeat the same mistake. */
const VIOLATIONS_MAX = 20

const compiledPatterns = new Map<string, RegExp>()

/** Patterns come from our own contract, so the platform's engine is safe, and ten times faster than RE2 in JavaScript. */
function regexMatch(pattern: string, against: string): boolean {
  let compiled = compiledPatterns.get(pattern)
  if (compiled === undefined) {
    compiled = new RegExp(pattern, 'u')
    compiledPatterns.set(pattern, compiled)
  }
  return compiled.test(against)
}

function hasRules(message: DescMessage, registry: Registry, seen = new Set<string>()): boolean {
  if (seen.has(message.typeName)) return false
  seen.add(message.typeName)
  const option = (name: string) => {
    const extension = registry.getExtension(name)
    if (extension === undefined) throw new Error(`the descriptor set has no extension ${name}`)
    return extension
  }
  if (hasOption(message, option('buf.validate.message'))) return true
  if (message.oneofs.some((oneof) => hasOption(oneof, option('buf.validate.oneof')))) return true
  return message.fields.some(
    (field) =>
      hasOption(field, option('buf.validate.field')) ||
      (field.message !== undefined && hasRules(field.message, registry, seen)),
  )
}

let validator: Validator | undefined

/** Undefined where the request type has no rule. Compiles the rules at once, so that no call waits for it. */
export function requestCheck(method: DescMethod): CheckRequest | undefined {
  const { registry } = descriptors()
  const schema = method.input
  if (!hasRules(schema, registry)) return undefined
  validator ??= createValidator({ registry, regexMatch })
  const { validate } = validator
  const first = validate(schema, create(schema))
  if (first.kind === 'error')
    throw new Error(`rules of ${schema.typeName} do not compile`, { cause: first.error })

  return (bytes) => {
    let message: ReturnType<typeof fromBinary>
    try {
      message = fromBinary(schema, bytes)
    } catch (error) {
      throw new DomainError(ErrorReason.ERROR_REASON_MALFORMED, 'The request could not be decoded.', {
        cause: error,
      })
    }
    const result = validate(schema, message)
    if (result.kind === 'valid') return
    if (result.kind === 'error') throw result.error
    const violations: Violation[] = result.violations
      .slice(0, VIOLATIONS_MAX)
      .map(({ field, message: description }) => ({ field: pathToString(field), description }))
    const fields = violations.map(({ field }) => field).join(', ')
    throw new DomainError(
      ErrorReason.ERROR_REASON_INVALID_REQUEST,
      `The request breaks the contract: ${fields}`,
      {
        violations,
      },
    )
  }
}
