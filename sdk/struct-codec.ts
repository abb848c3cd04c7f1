/** google.protobuf.Struct, Value and ListValue: any JSON, in binary. Field numbers from struct.proto. */
import type { JsonValue } from './json.ts'
import { BYTES, FIXED64, VARINT, WireReader, WireWriter } from './wire.ts'

type StructName = 'Struct' | 'Value' | 'ListValue'

export function writeStruct(name: StructName, value: unknown): Uint8Array {
  const writer = new WireWriter()
  if (name === 'Value') writeValue(writer, value)
  else if (name === 'ListValue')
    for (const item of value as readonly unknown[]) writePart(writer, 1, 'Value', item)
  else {
    for (const [key, item] of Object.entries(value as object)) {
      // JSON leaves such fields out, too.
      if (item === undefined) continue
      const entry = new WireWriter()
      entry.tag(1, BYTES)
      entry.string(key)
      writePart(entry, 2, 'Value', item)
      writer.tag(1, BYTES)
      writer.bytes(entry.finish())
    }
  }
  return writer.finish()
}

function writePart(writer: WireWriter, number: number, name: StructName, value: unknown): void {
  writer.tag(number, BYTES)
  writer.bytes(writeStruct(name, value))
}

function writeValue(writer: WireWriter, value: unknown): void {
  switch (typeof value) {
    case 'number':
      writer.tag(2, FIXED64)
      writer.double(value)
      return
    case 'string':
      writer.tag(3, BYTES)
      writer.string(value)
      return
    case 'boolean':
      writer.tag(4, VARINT)
      writer.varint(value ? 1 : 0)
      return
    case 'object':
      if (value === null) break
      if (Array.isArray(value)) writePart(writer, 6, 'ListValue', value)
      else writePart(writer, 5, 'Struct', value)
      return
  }
  writer.tag(1, VARINT)
  writer.varint(0)
}

export function readStruct(name: StructName, bytes: Uint8Array): JsonValue {
  const reader = new WireReader(bytes)
  if (name === 'Value') return readValue(reader)
  const list: JsonValue[] = []
  const object: Record<string, JsonValue> = {}
  while (!reader.isAtEnd) {
    const [number, type] = reader.tag()
    if (number !== 1) reader.skip(type)
    else if (name === 'ListValue') list.push(readStruct('Value', reader.bytes()))
    else readEntry(new WireReader(reader.bytes()), object)
  }
  return name === 'ListValue' ? list : object
}

function readEntry(reader: WireReader, object: Record<string, JsonValue>): void {
  let key = ''
  let value: JsonValue = null
  while (!reader.isAtEnd) {
    const [number, type] = reader.tag()
    if (number === 1) key = reader.string()
    else if (number === 2) value = readStruct('Value', reader.bytes())
    else reader.skip(type)
  }
  put(object, key, value)
}

/** Also where the key is `__proto__`, which an assignment would take for something else. */
export function put(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
}

function readValue(reader: WireReader): JsonValue {
  let value: JsonValue = null
  while (!reader.isAtEnd) {
    const [number, type] = reader.tag()
    if (number === 2) value = reader.double()
    else if (number === 3) value = reader.string()
    else if (number === 4) value = reader.uint() !== 0
    else if (number === 5) value = readStruct('Struct', reader.bytes())
    else if (number === 6) value = readStruct('ListValue', reader.bytes())
    else reader.skip(type)
  }
  return value
}
