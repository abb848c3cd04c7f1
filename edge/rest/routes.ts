/**
 * The routes of the contract, compiled from `google.api.http`. A mistake in
 * an annotation throws here, at the start, and not at the first request.
 */
import { type DescField, type DescMessage, type DescMethod, ScalarType } from '@bufbuild/protobuf'
import { methodOption } from '@hushryd/kernel/rpc/descriptors.ts'
import type { BridgeMethod } from '../bridge/call.ts'
import { type PathTemplate, parseTemplate } from './path-template.ts'

export interface Route {
  /** GET, POST, … */
  readonly verb: string
  readonly template: PathTemplate
  readonly method: BridgeMethod
  /** The fields behind the template's variables, each as the way from the request to it. */
  readonly variables: readonly (readonly DescField[])[]
  /** The whole request, one field of it, or undefined where there is no body. */
  readonly body: '*' | DescField | undefined
  /** The one field that is answered; undefined for the whole response. */
  readonly answer: DescField | undefined
  /** See hushryd.options.v1.raw_http. */
  readonly isRaw: boolean
}

interface HttpRule {
  readonly pattern: { readonly case?: string | undefined; readonly value?: unknown }
  readonly body: string
  readonly responseBody: string
  readonly additionalBindings: readonly HttpRule[]
}

function isHttpRule(value: unknown): value is HttpRule {
  return (
    typeof value === 'object' &&
    value !== null &&
    '$typeName' in value &&
    value.$typeName === 'google.api.HttpRule'
  )
}

function rulesOf(method: DescMethod): readonly HttpRule[] {
  const rule = methodOption(method, 'google.api.http')
  if (!isHttpRule(rule)) throw new Error('google.api.http is no HttpRule')
  return rule.pattern.case === undefined ? [] : [rule, ...rule.additionalBindings]
}

/** By proto or JSON name, through messages; undefined where there is no such field. */
export function findFieldPath(
  message: DescMessage,
  names: readonly string[],
): readonly DescField[] | undefined {
  const path: DescField[] = []
  let inside: DescMessage | undefined = message
  for (const name of names) {
    const field: DescField | undefined = inside?.fields.find(
      (candidate) => candidate.name === name || candidate.jsonName === name,
    )
    if (field === undefined) return undefined
    path.push(field)
    inside = field.fieldKind === 'message' ? field.message : undefined
  }
  return path
}

function getField(message: DescMessage, name: string): DescField {
  const field = message.fields.find((candidate) => candidate.name === name)
  if (field === undefined) throw new Error(`${message.typeName} has no field ${name}`)
  return field
}

function checkRawFields({ input, output }: DescMethod): void {
  getField(input, 'url')
  getField(output, 'status')
  getField(output, 'content_type')
  const headers = getField(input, 'headers')
  if (headers.fieldKind !== 'map' || headers.mapKind !== 'scalar')
    throw new Error(`${headers} is no map of texts`)
  for (const body of [getField(input, 'body'), getField(output, 'body')]) {
    if (body.scalar !== ScalarType.BYTES) throw new Error(`${body} is not bytes`)
  }
}

function compileRule(method: BridgeMethod, rule: HttpRule, isRaw: boolean): Route {
  const { input, output } = method.descriptor
  const { case: kind, value } = rule.pattern
  if (kind === undefined || kind === 'custom' || typeof value !== 'string') {
    throw new Error(`the binding ${kind} is none of get, put, post, delete and patch`)
  }
  const template = parseTemplate(value)
  const variables = template.variables.map((text) => {
    const path = findFieldPath(input, text.split('.'))
    const leaf = path?.at(-1)
    if (path === undefined || (leaf?.fieldKind !== 'scalar' && leaf?.fieldKind !== 'enum')) {
      throw new Error(`${input.typeName} has no single value ${text}`)
    }
    return path
  })
  if (isRaw) checkRawFields(method.descriptor)
  return {
    verb: kind.toUpperCase(),
    template,
    method,
    variables,
    body: rule.body === '*' ? '*' : rule.body === '' ? undefined : getField(input, rule.body),
    answer: rule.responseBody === '' ? undefined : getField(output, rule.responseBody),
    isRaw,
  }
}

/** The most specific first. */
export function compileRoutes(methods: readonly BridgeMethod[]): readonly Route[] {
  const routes: Route[] = []
  const taken = new Map<string, string>()
  for (const method of methods) {
    const isRaw = methodOption(method.descriptor, 'hushryd.options.v1.raw_http') === true
    for (const rule of rulesOf(method.descriptor)) {
      let route: Route
      try {
        route = compileRule(method, rule, isRaw)
      } catch (error) {
        throw new Error(`google.api.http of ${method.name} is not usable`, { cause: error })
      }
      const place = `${route.verb} ${route.template.text.replaceAll(/\{[^}=]+\}/g, '{}')}`
      const other = taken.get(place)
      if (other !== undefined) throw new Error(`${place} belongs to ${other} and to ${method.name}`)
      taken.set(place, method.name)
      routes.push(route)
    }
  }
  return routes.sort((a, b) =>
    a.template.rank < b.template.rank ? -1 : a.template.rank > b.template.rank ? 1 : 0,
  )
}

export interface RouteMatch {
  readonly route: Route
  /** Of the template's variables. */
  readonly values: readonly string[]
}

/**
 * All routes at a path, the most specific first. Where one with a verb
 * matches, those without do not: `x:cancel` is then no id. An id with a colon
 * is written `%3A`. Throws URIError.
 */
export function matchRoutes(routes: readonly Route[], path: string): readonly RouteMatch[] {
  const matches: RouteMatch[] = []
  for (const route of routes) {
    const values = route.template.match(path)
    if (values !== undefined) matches.push({ route, values })
  }
  const withVerb = matches.filter(({ route }) => route.template.hasVerb)
  return withVerb.length > 0 ? withVerb : matches
}
