/**
 * Messages in protobuf's binary form, from and to plain objects, driven by the
 * generated tables. A message without fields has no row.
 *
 * A message's row is `name kind number` for each field, without the number
 * where it follows on. A kind is `d` double, `i` and `u` whole
 * numbers, `b` bool, `s` string, `y` bytes, `p` bytes as they are, `#Enum` or
 * `@Message`; before it `*` makes a list, `?` a field that is undefined where it
 * was not sent, `%` and the keys' kind a map.
 */
import { fromBase64, toBase64 } from './base64.ts'
import { ENUMS, MESSAGES } from './generated/tables.ts'
import { put, readStruct, writeStruct } from './struct-codec.ts'
import { BYTES, FIXED64, VARINT, WireReader, WireWriter } from './wire.ts'

export type Message = { readonly [name: string]: unknown }

interface Field {
  readonly number: number
  readonly name: string
  readonly form: 'single' | 'optional' | 'list' | 'map'
  /** Of a map's keys. */
  readonly keyKind: string
  readonly kind: string
}

const schemas = new Map<string, readonly Field[]>()

function schemaOf(name: string): readonly Field[] {
  let schema = schemas.get(name)
  if (schema === undefined) {
    const text = MESSAGES[name]
    schema = text === undefined ? [] : parseFields(text)
    schemas.set(name, schema)
  }
  return schema
}

const FORMS: Readonly<Record<string, Field['form']>> = { '*': 'list', '?': 'optional', '%': 'map' }

function parseFields(text: string): Field[] {
  let number = 0
  return text.split(',').map((field) => {
    const [name = '', kind = '', explicit] = field.split(' ')
    number = explicit === undefined ? number + 1 : Number(explicit)
    const form = FORMS[kind.charAt(0)] ?? 'single'
    const skipped = form === 'map' ? 2 : form === 'single' ? 0 : 1
    return { number, name, form, keyKind: kind.charAt(1), kind: kind.slice(skipped) }
  })
}

/** Two maps for each enum. */
function enumOf(name: string): { numbers: Map<string, number>; names: Map<number, string> } {
  let found = enums.get(name)
  if (found === undefined) {
    const rows = (ENUMS[name] ?? '').split(',').map((row) => row.split(' '))
    found = {
      numbers: new Map(rows.map(([number, value = '']) => [value, Number(number)])),
      names: new Map(rows.map(([number, value = '']) => [Number(number), value])),
    }
    enums.set(name, found)
  }
  return found
}

const enums = new Map<string, { numbers: Map<string, number>; names: Map<number, string> }>()

export function encodeMessage(name: string, message: Message): Uint8Array {
  const writer = new WireWriter()
  for (const field of schemaOf(name)) {
    const value = message[field.name]
    if (value === undefined || value === null) continue
    if (field.form === 'list')
      for (const item of value as readonly unknown[]) write(writer, field.number, field.kind, item)
    else if (field.form === 'map') {
      for (const [key, item] of Object.entries(value)) {
        const entry = new WireWriter()
        write(entry, 1, field.keyKind, keyOf(field.keyKind, key))
        write(entry, 2, field.kind, item)
        writer.tag(field.number, BYTES)
        writer.bytes(entry.finish())
      }
    } else write(writer, field.number, field.kind, value)
  }
  return writer.finish()
}

function keyOf(kind: string, key: string): unknown {
  if (kind === 's') return key
  return kind === 'b' ? key === 'true' : Number(key)
}

function write(writer: WireWriter, number: number, kind: string, value: unknown): void {
  writer.tag(number, wireTypeOf(kind))
  switch (kind) {
    case 'd':
      writer.double(Number(value))
      return
    case 'i':
    case 'u':
      writer.varint(wholeNumber(value))
      return
    case 'b':
      writer.varint(value === true ? 1 : 0)
      return
    case 's':
      writer.string(String(value))
      return
    case 'y':
      writer.bytes(fromBase64(String(value)))
      return
    case 'p':
      writer.bytes(value as Uint8Array)
      return
  }
  const name = kind.slice(1)
  if (kind.startsWith('#')) writer.varint(enumNumber(name, value))
  else writer.bytes(isStruct(name) ? writeStruct(name, value) : encodeMessage(name, value as Message))
}

function wholeNumber(value: unknown): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new TypeError(`${String(value)} is no whole number.`)
  return number
}

function enumNumber(name: string, value: unknown): number {
  const number = typeof value === 'number' ? value : enumOf(name).numbers.get(String(value))
  if (number === undefined) throw new TypeError(`${String(value)} is no ${name}.`)
  return number
}

export function decodeMessage(name: string, bytes: Uint8Array): Message {
  const fields = schemaOf(name)
  const message: Record<string, unknown> = {}
  for (const field of fields) {
    const value = defaultOf(field)
    if (value !== undefined) message[field.name] = value
  }
  const reader = new WireReader(bytes)
  while (!reader.isAtEnd) {
    const [number, type] = reader.tag()
    const field = fields.find((one) => one.number === number)
    if (field === undefined) reader.skip(type)
    else readField(reader, field, type, message)
  }
  return message
}

function readField(reader: WireReader, field: Field, type: number, message: Record<string, unknown>): void {
  if (field.form === 'list') {
    const list = message[field.name] as unknown[]
    if (type === BYTES && wireTypeOf(field.kind) !== BYTES) {
      const packed = new WireReader(reader.bytes())
      while (!packed.isAtEnd) list.push(read(packed, field.kind))
    } else list.push(read(reader, field.kind))
  } else if (field.form === 'map') {
    const entry = new WireReader(reader.bytes())
    let key: unknown = zeroOf(field.keyKind)
    let value: unknown = zeroOf(field.kind)
    while (!entry.isAtEnd) {
      const [number, entryType] = entry.tag()
      if (number === 1) key = read(entry, field.keyKind)
      else if (number === 2) value = read(entry, field.kind)
      else entry.skip(entryType)
    }
    const filled = value ?? decodeMessage(field.kind.slice(1), new Uint8Array())
    put(message[field.name] as object, String(key), filled)
  } else message[field.name] = read(reader, field.kind)
}

function read(reader: WireReader, kind: string): unknown {
  switch (kind) {
    case 'd':
      return reader.double()
    case 'i':
      return reader.int()
    case 'u':
      return reader.uint()
    case 'b':
      return reader.uint() !== 0
    case 's':
      return reader.string()
    case 'y':
      return toBase64(reader.bytes())
    case 'p':
      return reader.bytes()
  }
  const name = kind.slice(1)
  if (kind.startsWith('#')) {
    const number = reader.int()
    return enumOf(name).names.get(number) ?? number
  }
  return isStruct(name) ? readStruct(name, reader.bytes()) : decodeMessage(name, reader.bytes())
}

function wireTypeOf(kind: string): number {
  switch (kind) {
    case 'd':
      return FIXED64
    case 'i':
    case 'u':
    case 'b':
      return VARINT
    default:
      return kind.startsWith('#') ? VARINT : BYTES
  }
}

function defaultOf({ form, kind }: Field): unknown {
  if (form === 'list') return []
  if (form === 'map') return {}
  return form === 'optional' ? undefined : zeroOf(kind)
}

/** Undefined for a message. */
function zeroOf(kind: string): unknown {
  if (kind === 's' || kind === 'y') return ''
  if (kind === 'b') return false
  if (kind.startsWith('#')) return enumOf(kind.slice(1)).names.get(0)
  return kind.startsWith('@') ? undefined : 0
}

/** The types of JSON's own shape stand in the tables without a package. */
function isStruct(name: string): name is 'Struct' | 'Value' | 'ListValue' {
  return !name.includes('.')
}
