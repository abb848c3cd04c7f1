/** What of the contract an app may use, read from the descriptor set. */
import { readFileSync } from 'node:fs'
import {
  createFileRegistry,
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  getOption,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

/**
 * Of hushryd.options.v1.Audience: passenger, driver, viewer, public. HushRyd's
 * backend is no app, and the operations page, whose methods apps would only
 * carry along, has tables of its own.
 */
export const APP_AUDIENCES: ReadonlySet<number> = new Set([1, 2, 5, 6])

export interface HttpRoute {
  readonly verb: string
  /** Variables in their JSON names: `/v1/trips/{tripId}/trail`. */
  readonly path: string
  readonly hasBody: boolean
  /** The answer is this one field of the response; empty where it is all of it. */
  readonly answerField: string
}

export interface AppMethod {
  readonly desc: DescMethod
  /** Such as `location`, `getTrail`. */
  readonly service: string
  readonly name: string
  readonly isStream: boolean
  readonly route: HttpRoute | undefined
}

export interface Contract {
  readonly methods: readonly AppMethod[]
  /** Messages that apps send, and those that they get; one may be both. */
  readonly sent: readonly DescMessage[]
  readonly received: readonly DescMessage[]
  readonly enums: readonly DescEnum[]
  /** What may not be left out of a request, by the contract's own rules. */
  isRequired(field: DescField): boolean
}

/** What those of the given audiences may call. */
export function readContract(file: URL, audiences: ReadonlySet<number>): Contract {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)))
  const methods = appMethods(registry, audiences)
  const sent = reachable([messageOf(registry, 'ClientFrame'), ...methods.map(({ desc }) => desc.input)])
  const received = reachable([messageOf(registry, 'ServerFrame'), ...methods.map(({ desc }) => desc.output)])
  const rules = extensionOf(registry, 'buf.validate.field')
  return {
    methods,
    sent,
    received,
    enums: enumsOf([...sent, ...received]),
    isRequired: (field) => refusesZero(getOption(field, rules) as FieldRules),
  }
}

/** Packages with types of JSON's own shape, which the codec writes by hand. */
export function isStruct({ typeName }: DescMessage): boolean {
  return /^google\.protobuf\.(Struct|Value|ListValue)$/.test(typeName)
}

function messageOf(registry: FileRegistry, frame: string): DescMessage {
  const message = registry.getMessage(`hushryd.edge.v1.${frame}`)
  if (message === undefined) throw new Error(`the contract has no ${frame}`)
  return message
}

function extensionOf(registry: FileRegistry, name: string): DescExtension {
  const extension = registry.getExtension(name)
  if (extension === undefined) throw new Error(`the contract has no option ${name}`)
  return extension
}

function appMethods(registry: FileRegistry, audiences: ReadonlySet<number>): AppMethod[] {
  const audience = extensionOf(registry, 'hushryd.options.v1.audience')
  const rawHttp = extensionOf(registry, 'hushryd.options.v1.raw_http')
  const http = extensionOf(registry, 'google.api.http')
  const methods: AppMethod[] = []
  for (const type of registry) {
    if (type.kind !== 'service') continue
    for (const desc of type.methods) {
      const isForApps = (getOption(desc, audience) as number[]).some((one) => audiences.has(one))
      if (!isForApps || getOption(desc, rawHttp) === true) continue
      if (desc.methodKind !== 'unary' && desc.methodKind !== 'server_streaming') continue
      methods.push({
        desc,
        service: lowerFirst(type.name.replace(/Service$/, '')),
        name: lowerFirst(desc.name),
        isStream: desc.methodKind === 'server_streaming',
        route: routeOf(desc, getOption(desc, http) as HttpRule),
      })
    }
  }
  return methods.sort((a, b) => order(a.service, b.service) || order(a.name, b.name))
}

/** google.api.HttpRule, as far as the contract uses it. */
interface HttpRule {
  readonly pattern: { readonly case?: string; readonly value?: unknown }
  readonly body: string
  readonly responseBody: string
}

function routeOf(method: DescMethod, rule: HttpRule): HttpRoute | undefined {
  const { case: verb, value: template } = rule.pattern
  if (verb === undefined || typeof template !== 'string') return undefined
  if (rule.body !== '' && rule.body !== '*')
    throw new Error(`${method.name}: a body of one field is not supported`)
  const nameOf = (proto: string): string => {
    const field = method.input.fields.find(({ name }) => name === proto)
    if (field === undefined)
      throw new Error(`${method.name}: the route's {${proto}} is no field of the request`)
    return field.jsonName
  }
  return {
    verb: verb.toUpperCase(),
    path: template.replace(/\{([^}]*)\}/g, (_, proto: string) => `{${nameOf(proto)}}`),
    hasBody: rule.body === '*',
    answerField: method.output.fields.find(({ name }) => name === rule.responseBody)?.jsonName ?? '',
  }
}

/** In order of name, each once. */
function reachable(roots: readonly DescMessage[]): DescMessage[] {
  const found = new Map<string, DescMessage>()
  const visit = (message: DescMessage): void => {
    if (found.has(message.typeName) || isStruct(message)) return
    if (!message.typeName.startsWith('hushryd.'))
      throw new Error(`the SDK's codec has no ${message.typeName}`)
    found.set(message.typeName, message)
    for (const field of message.fields) if (field.message !== undefined) visit(field.message)
  }
  roots.forEach(visit)
  return [...found.values()].sort((a, b) => order(a.typeName, b.typeName))
}

function enumsOf(messages: readonly DescMessage[]): DescEnum[] {
  const found = new Map<string, DescEnum>()
  for (const { fields } of messages) {
    for (const field of fields) if (field.enum !== undefined) found.set(field.enum.typeName, field.enum)
  }
  return [...found.values()].sort((a, b) => order(a.typeName, b.typeName))
}

/** buf.validate.FieldRules, as far as it says that a value may not be the zero value. */
interface FieldRules {
  readonly required: boolean
  readonly ignore: number
  readonly type: {
    readonly case?: string
    readonly value?: {
      readonly pattern?: string
      readonly minLen?: bigint
      readonly minItems?: bigint
      readonly in?: readonly unknown[]
      readonly notIn?: readonly unknown[]
    }
  }
}

const IGNORE_IF_ZERO_VALUE = 1

function refusesZero({ required, ignore, type }: FieldRules): boolean {
  if (required) return true
  if (ignore === IGNORE_IF_ZERO_VALUE || type.value === undefined) return false
  const { pattern = '', minLen = 0n, minItems = 0n, in: allowed = [], notIn = [] } = type.value
  switch (type.case) {
    case 'string':
      return minLen > 0n || !new RegExp(pattern).test('') || (allowed.length > 0 && !allowed.includes(''))
    case 'repeated':
      return minItems > 0n
    case 'enum':
      return notIn.includes(0) || (allowed.length > 0 && !allowed.includes(0))
    default:
      return false
  }
}

export function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
