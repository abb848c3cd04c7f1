/**
 * Unknown fields of a request are ignored, so that apps may be newer than the
 * server; protobuf-es then also ignores unknown enum names. A trip whose
 * status is misspelt must not become a trip without one, so these are refused.
 */
import type { DescField, DescMessage } from '@bufbuild/protobuf'
import type { Violation } from '@hushryd/kernel/error.ts'
import { isObject } from './json-object.ts'

/** As deep as protobuf-es reads. */
const DEPTH_MAX = 100

function* valuesOf(field: DescField, value: unknown, path: string): Generator<[string, unknown]> {
  if (field.fieldKind === 'list') {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) yield [`${path}[${index}]`, item]
  } else if (field.fieldKind === 'map') {
    if (isObject(value)) for (const [key, item] of Object.entries(value)) yield [`${path}["${key}"]`, item]
  } else yield [path, value]
}

function isUnknownName(field: DescField, value: unknown): boolean {
  return (
    field.enum !== undefined &&
    typeof value === 'string' &&
    !field.enum.values.some(({ name }) => name === value)
  )
}

/** The first enum name that the contract does not know. */
export function findUnknownEnumName(
  message: DescMessage,
  json: unknown,
  prefix = '',
  depth = 0,
): Violation | undefined {
  if (!isObject(json) || depth > DEPTH_MAX || message.typeName.startsWith('google.protobuf.'))
    return undefined
  for (const field of message.fields) {
    if (field.enum === undefined && field.message === undefined) continue
    const given = json[field.jsonName] ?? json[field.name]
    for (const [path, value] of valuesOf(field, given, prefix + field.name)) {
      if (isUnknownName(field, value)) {
        const names = field.enum?.values.map(({ name }) => name).join(', ')
        return { field: path, description: `is none of ${names}` }
      }
      if (field.message === undefined) continue
      const inner = findUnknownEnumName(field.message, value, `${path}.`, depth + 1)
      if (inner !== undefined) return inner
    }
  }
  return undefined
}
