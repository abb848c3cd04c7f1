/**
 * TypeScript for what apps send and get: protobuf's JSON mapping, with 64-bit
 * numbers as numbers, enum values as their names and bytes as base64.
 */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { jsDoc } from './comments.ts'
import { type AppMethod, type Contract, isStruct } from './contract.ts'
import { isAbsentByDefault, isPayload } from './tables-text.ts'

const STRUCT_TYPES: Readonly<Record<string, string>> = {
  'google.protobuf.Struct': 'JsonObject',
  'google.protobuf.Value': 'JsonValue',
  'google.protobuf.ListValue': 'readonly JsonValue[]',
}

/** `sdk` is the way from the written file to the SDK's folder. */
export function typesText(contract: Contract, sdk = '..'): string {
  const names = shortNames([...contract.sent, ...contract.received, ...contract.enums])
  const received = new Set(contract.received)
  const sentName = (message: DescMessage): string =>
    nameOf(names, message) + (received.has(message) ? 'Input' : '')

  const scalarType = (field: { scalar?: ScalarType | undefined }): string => {
    if (field.scalar === ScalarType.BOOL) return 'boolean'
    return field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES ? 'string' : 'number'
  }
  const elementType = (field: DescField, isSent: boolean): string => {
    if (isPayload(field)) return 'unknown'
    if (field.enum !== undefined) return nameOf(names, field.enum)
    if (field.message === undefined) return scalarType(field)
    if (isStruct(field.message)) return STRUCT_TYPES[field.message.typeName] ?? 'JsonValue'
    return isSent ? sentName(field.message) : nameOf(names, field.message)
  }
  const fieldText = (field: DescField, isSent: boolean): string => {
    const element = elementType(field, isSent)
    const isAlwaysThere = field.fieldKind === 'list' || field.fieldKind === 'map' || hasDefault(field)
    const isOptional = isSent ? !contract.isRequired(field) : !isAlwaysThere
    const type =
      field.fieldKind === 'list'
        ? `readonly ${element.includes(' ') ? `(${element})` : element}[]`
        : field.fieldKind === 'map'
          ? `{ readonly [key: string]: ${element} }`
          : element
    // An app with exactOptionalPropertyTypes may still pass on a value that it does not have.
    const absent = isSent && isOptional ? ' | undefined' : ''
    return `${jsDoc(field, '  ')}  readonly ${field.jsonName}${isOptional ? '?' : ''}: ${type}${absent}\n`
  }
  const interfaceText = (message: DescMessage, name: string, isSent: boolean): string =>
    message.fields.length === 0
      ? `${jsDoc(message)}export type ${name} = Readonly<Record<string, never>>\n`
      : `${jsDoc(message)}export interface ${name} {\n${message.fields.map((field) => fieldText(field, isSent)).join('')}}\n`
  const enumText = (desc: DescEnum): string =>
    `${jsDoc(desc)}export type ${nameOf(names, desc)} = ${desc.values.map(({ name }) => `'${name}'`).join(' | ')}\n`
  const methodText = ({ desc, name, isStream }: AppMethod): string => {
    const mark = desc.input.fields.some((field) => contract.isRequired(field)) ? '' : '?'
    const answer = nameOf(names, desc.output)
    return `${jsDoc(desc, '    ')}    ${name}(request${mark}: ${sentName(desc.input)}, options?: CallOptions): ${isStream ? 'AsyncIterable' : 'Promise'}<${answer}>\n`
  }
  const apiText = (name: string, comment: string, methods: readonly AppMethod[]): string => {
    const services = [...new Set(methods.map(({ service }) => service))]
    const body = services.map((service) => {
      const own = methods.filter((method) => method.service === service)
      return `  readonly ${service}: {\n${own.map(methodText).join('')}  }\n`
    })
    return `/** ${comment} */\nexport interface ${name} {\n${body.join('')}}\n`
  }

  const body = [
    ...contract.enums.map(enumText),
    ...contract.received.map((message) => interfaceText(message, nameOf(names, message), false)),
    ...contract.sent.map((message) => interfaceText(message, sentName(message), true)),
    apiText(
      'CallApi',
      'Methods that answer once.',
      contract.methods.filter(({ isStream }) => !isStream),
    ),
    apiText(
      'StreamApi',
      'Methods that answer with a stream.',
      contract.methods.filter(({ isStream }) => isStream),
    ),
  ].join('\n')
  const jsonTypes = ['JsonObject', 'JsonValue'].filter((name) => new RegExp(`\\b${name}\\b`).test(body))
  return [
    '// Generated from the proto files by sdk/generate.ts. Do not edit.\n',
    `import type { CallOptions } from '${sdk}/call-options.ts'`,
    ...(jsonTypes.length === 0 ? [] : [`import type { ${jsonTypes.join(', ')} } from '${sdk}/json.ts'`]),
    `\n${body}`,
  ].join('\n')
}

function hasDefault(field: DescField): boolean {
  return (field.fieldKind === 'scalar' || field.fieldKind === 'enum') && !isAbsentByDefault(field)
}

type Named = DescMessage | DescEnum

/** Without the package; with its area before it where two packages use the same name. */
function shortNames(descs: readonly Named[]): Map<string, string> {
  const users = new Map<string, Set<string>>()
  for (const { name, typeName } of descs) users.set(name, (users.get(name) ?? new Set()).add(typeName))
  return new Map(
    descs.map(({ name, typeName }) => {
      const area = typeName.split('.')[1] ?? ''
      const isShared = (users.get(name)?.size ?? 0) > 1
      return [typeName, isShared ? area.charAt(0).toUpperCase() + area.slice(1) + name : name]
    }),
  )
}

function nameOf(names: ReadonlyMap<string, string>, { typeName }: Named): string {
  const name = names.get(typeName)
  if (name === undefined) throw new Error(`${typeName} has no name`)
  return name
}
