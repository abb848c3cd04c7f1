/** A request's JSON out of path, query, body and Last-Event-ID. Pure. */
import type { DescField, JsonValue } from '@bufbuild/protobuf'
import { ScalarType } from '@bufbuild/protobuf'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { isObject, type JsonObject } from '../bridge/json-object.ts'
import { findFieldPath, type Route, type RouteMatch } from './routes.ts'

export interface RequestParts {
  readonly match: RouteMatch
  readonly query: URLSearchParams
  /** Parsed; undefined where there was none. */
  readonly body: JsonValue | undefined
  readonly lastEventId: string | undefined
}

/** Under the JSON name alone: a body may have used the proto name, and twice is an error. */
function put(json: JsonObject, field: DescField, value: JsonValue): void {
  delete json[field.name]
  json[field.jsonName] = value
}

function putPath(json: JsonObject, path: readonly DescField[], value: JsonValue): void {
  let inside = json
  for (const field of path.slice(0, -1)) {
    const given = inside[field.jsonName] ?? inside[field.name]
    const next = isObject(given) ? given : {}
    put(inside, field, next)
    inside = next
  }
  const leaf = path.at(-1)
  if (leaf !== undefined) put(inside, leaf, value)
}

/** Where protobuf's JSON takes no text; what it makes no sense of is refused there. */
function textToJson({ scalar, enum: enumeration }: DescField, text: string): JsonValue {
  if (scalar === ScalarType.BOOL && (text === 'true' || text === 'false')) return text === 'true'
  if (enumeration !== undefined && /^-?\d{1,9}$/.test(text)) return Number(text)
  return text
}

function isFilledElsewhere({ body, variables }: Route, path: readonly DescField[]): boolean {
  return (
    path[0] === body ||
    variables.some(
      (variable) => variable.length === path.length && variable.every((field, at) => field === path[at]),
    )
  )
}

function putQuery(json: JsonObject, route: Route, query: URLSearchParams): void {
  for (const key of new Set(query.keys())) {
    const path = findFieldPath(route.method.descriptor.input, key.split('.'))
    const leaf = path?.at(-1)
    // Unknown parameters are ignored, as unknown fields are.
    if (path === undefined || leaf === undefined || isFilledElsewhere(route, path)) continue
    const values = query.getAll(key).map((text) => textToJson(leaf, text))
    putPath(json, path, leaf.fieldKind === 'list' ? values : (values.at(-1) ?? null))
  }
}

function bodyJson(body: RequestParts['body'], field: Route['body']): JsonObject {
  if (body === undefined || field === undefined) return {}
  if (field !== '*') return { [field.jsonName]: body }
  if (isObject(body)) return body
  throw new DomainError(ErrorReason.ERROR_REASON_MALFORMED, 'The body is no JSON object.')
}

const SEQUENCE = /^\d{1,19}$/

function putLastEventId(json: JsonObject, { method }: Route, lastEventId: string): void {
  const field = method.descriptor.input.fields.find(({ name }) => name === 'after_sequence')
  if (field === undefined) return
  if (!SEQUENCE.test(lastEventId)) {
    throw new DomainError(ErrorReason.ERROR_REASON_INVALID_REQUEST, 'Last-Event-ID is none that was sent.', {
      violations: [{ field: field.name, description: 'Last-Event-ID is no sequence number' }],
    })
  }
  put(json, field, lastEventId)
}

/** The path wins over the query, which fills only what the body does not. */
export function requestJson({ match, query, body, lastEventId }: RequestParts): JsonObject {
  const { route, values } = match
  const json = bodyJson(body, route.body)
  if (route.body !== '*') putQuery(json, route, query)
  for (const [index, path] of route.variables.entries()) {
    const leaf = path.at(-1)
    if (leaf !== undefined) putPath(json, path, textToJson(leaf, values[index] ?? ''))
  }
  // What the browser remembers is newer than what the page's address says.
  if (lastEventId !== undefined && lastEventId !== '') putLastEventId(json, route, lastEventId)
  return json
}
