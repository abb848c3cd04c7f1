/** The contract's messages as JSON Schema, in the JSON mapping that the bridge speaks. */
import { type DescEnum, type DescField, type DescMessage, getOption, ScalarType } from '@bufbuild/protobuf'
import { descriptors } from '@hushryd/kernel/rpc/descriptors.ts'
import { commentOf } from './comments.ts'

export type Schema = { readonly [key: string]: unknown }

const SCALARS: { readonly [S in ScalarType]: Schema } = {
  [ScalarType.DOUBLE]: { type: 'number', format: 'double' },
  [ScalarType.FLOAT]: { type: 'number', format: 'float' },
  [ScalarType.INT64]: { type: 'integer', format: 'int64' },
  [ScalarType.SINT64]: { type: 'integer', format: 'int64' },
  [ScalarType.SFIXED64]: { type: 'integer', format: 'int64' },
  [ScalarType.UINT64]: { type: 'integer', format: 'int64', minimum: 0 },
  [ScalarType.FIXED64]: { type: 'integer', format: 'int64', minimum: 0 },
  [ScalarType.INT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SINT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SFIXED32]: { type: 'integer', format: 'int32' },
  [ScalarType.UINT32]: { type: 'integer', format: 'int64', minimum: 0 },
  [ScalarType.FIXED32]: { type: 'integer', format: 'int64', minimum: 0 },
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', contentEncoding: 'base64' },
}

/** Their JSON is a form of its own. */
const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
  'google.protobuf.Value': {},
  'google.protobuf.ListValue': { type: 'array', items: {} },
  'google.protobuf.Any': { type: 'object', additionalProperties: true },
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', examples: ['1.5s'] },
  'google.protobuf.FieldMask': { type: 'string' },
  'google.protobuf.Empty': { type: 'object' },
  'google.protobuf.BoolValue': { type: ['boolean', 'null'] },
  'google.protobuf.StringValue': { type: ['string', 'null'] },
  'google.protobuf.BytesValue': { type: ['string', 'null'], contentEncoding: 'base64' },
  'google.protobuf.Int32Value': { type: ['integer', 'null'], format: 'int32' },
  'google.protobuf.UInt32Value': { type: ['integer', 'null'], format: 'int64' },
  'google.protobuf.Int64Value': { type: ['integer', 'null'], format: 'int64' },
  'google.protobuf.UInt64Value': { type: ['integer', 'null'], format: 'int64' },
  'google.protobuf.FloatValue': { type: ['number', 'null'], format: 'float' },
  'google.protobuf.DoubleValue': { type: ['number', 'null'], format: 'double' },
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** A rule's oneof, such as lessThan: `{case: 'lte', value: 90}`. */
function bound(rules: Readonly<Record<string, unknown>>, oneof: string): Schema {
  const chosen = rules[oneof]
  if (!isRecord(chosen) || chosen.value === undefined) return {}
  const value = Number(chosen.value)
  if (chosen.case === 'gte') return { minimum: value }
  if (chosen.case === 'gt') return { exclusiveMinimum: value }
  if (chosen.case === 'lte') return { maximum: value }
  return chosen.case === 'lt' ? { exclusiveMaximum: value } : {}
}

/** Implicit rules are at their defaults where nobody set them. */
function textRules(rules: Readonly<Record<string, unknown>>): Schema {
  const { pattern, minLen, maxLen, in: values } = rules
  return {
    ...(typeof pattern === 'string' && pattern !== '' ? { pattern } : {}),
    ...(typeof minLen === 'bigint' && minLen > 0n ? { minLength: Number(minLen) } : {}),
    ...(typeof maxLen === 'bigint' && maxLen > 0n ? { maxLength: Number(maxLen) } : {}),
    ...(Array.isArray(values) && values.length > 0 ? { enum: values } : {}),
  }
}

function rulesSchema(rules: unknown, isOptional: boolean): Schema {
  if (!isRecord(rules) || !isRecord(rules.type) || !isRecord(rules.type.value)) return {}
  const { case: kind, value } = rules.type
  if (kind === 'string') {
    const text = textRules(value)
    // The empty text, which stands for "not given", would break these.
    return isOptional ? { maxLength: text.maxLength } : text
  }
  if (kind === 'repeated') {
    const { minItems, maxItems } = value
    return {
      ...(typeof minItems === 'bigint' && minItems > 0n ? { minItems: Number(minItems) } : {}),
      ...(typeof maxItems === 'bigint' && maxItems > 0n ? { maxItems: Number(maxItems) } : {}),
    }
  }
  return { ...bound(value, 'greaterThan'), ...bound(value, 'lessThan') }
}

/** buf.validate's Ignore: the rules do not hold for the default value. */
const IGNORE_IF_ZERO_VALUE = 1

function validation(field: DescField): Schema {
  const extension = descriptors().registry.getExtension('buf.validate.field')
  if (extension === undefined) return {}
  const rules: unknown = getOption(field, extension)
  return rulesSchema(rules, isRecord(rules) && rules.ignore === IGNORE_IF_ZERO_VALUE)
}

export class SchemaSet {
  readonly #schemas = new Map<string, Schema>()

  /** All that were asked for, and what they refer to. */
  get all(): Readonly<Record<string, Schema>> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  ref(type: DescMessage | DescEnum): Schema {
    if (type.kind === 'message') {
      const wellKnown = WELL_KNOWN[type.typeName]
      if (wellKnown !== undefined) return wellKnown
    }
    if (!this.#schemas.has(type.typeName)) {
      // Named before it is filled: messages may refer to themselves.
      this.#schemas.set(type.typeName, {})
      this.#schemas.set(type.typeName, type.kind === 'enum' ? enumSchema(type) : this.#messageSchema(type))
    }
    return { $ref: `#/components/schemas/${type.typeName}` }
  }

  field(field: DescField): Schema {
    const description = commentOf(field)
    return { ...this.#shape(field), ...validation(field), ...(description === '' ? {} : { description }) }
  }

  #shape(field: DescField): Schema {
    const one = this.#single(field)
    if (field.fieldKind === 'list') return { type: 'array', items: one }
    return field.fieldKind === 'map' ? { type: 'object', additionalProperties: one } : one
  }

  #single({ scalar, enum: enumeration, message }: DescField): Schema {
    if (scalar !== undefined) return SCALARS[scalar]
    const type = enumeration ?? message
    if (type === undefined) throw new Error('a field without type')
    return this.ref(type)
  }

  #messageSchema(message: DescMessage): Schema {
    const description = commentOf(message)
    return {
      type: 'object',
      ...(description === '' ? {} : { description }),
      properties: Object.fromEntries(message.fields.map((field) => [field.jsonName, this.field(field)])),
    }
  }
}

function enumSchema(type: DescEnum): Schema {
  const values = type.values.map((value) => `- \`${value.name}\`: ${commentOf(value)}`)
  return {
    type: 'string',
    enum: type.values.map(({ name }) => name),
    description: `${commentOf(type)}\n\n${values.join('\n')}`.trim(),
  }
}
