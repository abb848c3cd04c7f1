/**
 * The tables that the client reads at run time, short because apps load them:
 * sdk/message-codec.ts and sdk/method.ts describe their form.
 */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { type AppMethod, type Contract, isStruct } from './contract.ts'

/** Bytes that are a method's message: the frame codecs treat them apart. */
const PAYLOADS = new Set([
  'hushryd.edge.v1.CallFrame.request',
  'hushryd.edge.v1.ServerFrame.result',
  'hushryd.edge.v1.ServerFrame.next',
])

/** The codec tells no more of them apart. */
const SCALARS: Readonly<Partial<Record<ScalarType, string>>> = {
  [ScalarType.DOUBLE]: 'd',
  [ScalarType.INT32]: 'i',
  [ScalarType.INT64]: 'i',
  [ScalarType.UINT32]: 'u',
  [ScalarType.UINT64]: 'u',
  [ScalarType.BOOL]: 'b',
  [ScalarType.STRING]: 's',
  [ScalarType.BYTES]: 'y',
}

export function isPayload(field: DescField): boolean {
  return PAYLOADS.has(`${field.parent.typeName}.${field.name}`)
}

/** A value that was not sent is then undefined, where else it is the zero value. */
export function isAbsentByDefault(field: DescField): boolean {
  return field.oneof !== undefined || field.proto.proto3Optional
}

export function tablesText({ methods, sent, received, enums }: Contract): string {
  const messages = new Map([...sent, ...received].map((message) => [message.typeName, message]))
  return [
    '// Generated from the proto files by sdk/generate.ts. Do not edit.\n',
    tableText(
      'MESSAGES',
      [...messages.values()]
        .filter(({ fields }) => fields.length > 0)
        .map((message) => [keyOf(message), messageText(message)]),
    ),
    tableText(
      'ENUMS',
      enums.map((desc) => [keyOf(desc), desc.values.map((v) => `${v.number} ${v.name}`).join()]),
    ),
    methodTablesText(methods),
  ].join('\n')
}

/** Of the methods alone: enough for a client that speaks JSON. */
export function methodTablesText(methods: readonly AppMethod[]): string {
  return [
    methodsText(
      'CALLS',
      methods.filter(({ isStream }) => !isStream),
    ),
    methodsText(
      'STREAMS',
      methods.filter(({ isStream }) => isStream),
    ),
  ].join('\n')
}

function tableText(name: string, rows: readonly (readonly [string, string])[]): string {
  const body = rows.map(([key, text]) => `  '${key}': '${text}',\n`).join('')
  return `export const ${name}: Readonly<Record<string, string>> = {\n${body}}\n`
}

function keyOf({ typeName }: DescMessage | DescEnum): string {
  return typeName.replace(/^hushryd\./, '').replace('.v1.', '.')
}

/** A field's number stands there only where it is not the one after the last. */
function messageText(message: DescMessage): string {
  let expected = 1
  const fields = message.fields.map((field) => {
    const number = field.number === expected ? '' : ` ${field.number}`
    expected = field.number + 1
    return `${field.jsonName} ${kindOf(field)}${number}`
  })
  return fields.join()
}

function kindOf(field: DescField): string {
  if (isPayload(field)) return '?p'
  if (field.fieldKind === 'map') return `%${scalarOf(field, field.mapKey)}${elementOf(field)}`
  if (field.fieldKind === 'list') return `*${elementOf(field)}`
  return (isAbsentByDefault(field) ? '?' : '') + elementOf(field)
}

function elementOf(field: DescField): string {
  if (field.enum !== undefined) return `#${keyOf(field.enum)}`
  if (field.message !== undefined) {
    return `@${isStruct(field.message) ? field.message.name : keyOf(field.message)}`
  }
  return scalarOf(field, field.scalar)
}

function scalarOf(field: DescField, scalar: ScalarType | undefined): string {
  const text = scalar === undefined ? undefined : SCALARS[scalar]
  if (text === undefined) throw new Error(`the SDK's codec has no type for ${field}`)
  return text
}

function methodsText(name: string, methods: readonly AppMethod[]): string {
  const services = new Map(methods.map(({ service, desc }) => [service, desc.parent.typeName]))
  const body = [...services].map(([service, typeName]) => {
    const own = methods.filter((method) => method.service === service)
    return `  ${service}: { service: '${typeName}', methods: {\n${own.map(methodText).join('')}  } },\n`
  })
  return `export const ${name} = {\n${body.join('')}} as const\n`
}

function methodText({ desc, name, route }: AppMethod): string {
  const stem = `${desc.parent.file.proto.package}.${desc.name}`
  if (desc.input.typeName !== `${stem}Request` || desc.output.typeName !== `${stem}Response`) {
    throw new Error(`${stem}: the SDK knows a method's messages by its name`)
  }
  if (route === undefined) return `    ${name}: '',\n`
  const { verb, path, hasBody, answerField } = route
  return `    ${name}: '${`${verb}${hasBody ? '*' : ''} ${path} ${answerField}`.trim()}',\n`
}
