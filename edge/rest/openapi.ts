/** `/openapi.json`: OpenAPI 3.1 of every route, from the descriptors alone. */
import type { DescField, DescMethod } from '@bufbuild/protobuf'
import { Audience } from '@hushryd/gen/hushryd/options/v1/options.ts'
import type { Audiences } from '@hushryd/kernel/rpc/audience.ts'
import type { BridgeMethod } from '../bridge/call.ts'
import { commentOf } from './comments.ts'
import { type Schema, SchemaSet } from './openapi-schemas.ts'
import type { Route } from './routes.ts'

const AUDIENCES: readonly { readonly audience: Audience; readonly name: string; readonly text: string }[] = [
  { audience: Audience.AUDIENCE_PUBLIC, name: 'public', text: 'anyone' },
  { audience: Audience.AUDIENCE_PASSENGER, name: 'passenger', text: 'riders' },
  { audience: Audience.AUDIENCE_DRIVER, name: 'driver', text: 'drivers' },
  { audience: Audience.AUDIENCE_ADMIN, name: 'admin', text: 'operations staff' },
  { audience: Audience.AUDIENCE_BACKEND, name: 'backend', text: 'HushRyd’s backend' },
  { audience: Audience.AUDIENCE_VIEWER, name: 'viewer', text: 'holders of a share link' },
]

const SECURITY_SCHEMES = {
  session: {
    type: 'http',
    scheme: 'bearer',
    description: 'A session’s token, from POST /v1/sessions.',
  },
  serviceKey: { type: 'http', scheme: 'bearer', description: 'The key of HushRyd’s own backend.' },
  share: { type: 'apiKey', in: 'query', name: 'share', description: 'A share link’s secret.' },
}

const PROBLEM: Schema = {
  type: 'object',
  description: 'RFC 9457. docs/ERRORS.md lists the reasons.',
  required: ['type', 'title', 'status', 'code', 'reason', 'detail', 'requestId'],
  properties: {
    type: { type: 'string', format: 'uri', examples: ['urn:hushryd:error:TRIP_NOT_FOUND'] },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'The gRPC status by name.' },
    reason: { type: 'string', description: 'The ErrorReason without its prefix.' },
    detail: { type: 'string' },
    violations: {
      type: 'array',
      items: {
        type: 'object',
        properties: { field: { type: 'string' }, description: { type: 'string' } },
      },
    },
    retryAfterMs: { type: 'integer', description: 'When to try again, in milliseconds from now.' },
    requestId: { type: 'string' },
  },
}
const PROBLEM_NAME = 'Problem'

/** The path as people write it: JSON names. */
function openApiPath({ template, variables }: Route): string {
  let index = 0
  return template.text.replaceAll(/\{[^}]+\}/g, () => {
    const name = jsonPath(variables[index] ?? [])
    index += 1
    return `{${name}}`
  })
}

function jsonPath(path: readonly DescField[]): string {
  return path.map(({ jsonName }) => jsonName).join('.')
}

/** Single values and lists of them, through messages; a query holds nothing else. */
function queryFields(
  fields: readonly DescField[],
  above: readonly DescField[] = [],
): (readonly DescField[])[] {
  return fields.flatMap((field) => {
    const path = [...above, field]
    if (field.fieldKind === 'message') {
      // A message within itself would never end.
      return above.some(({ message }) => message === field.message)
        ? []
        : queryFields(field.message.fields, path)
    }
    const isPlain = field.fieldKind !== 'map' && !(field.fieldKind === 'list' && field.listKind === 'message')
    return isPlain ? [path] : []
  })
}

function parametersOf(route: Route, schemas: SchemaSet): Schema[] {
  const inPath = new Set(route.variables.map(jsonPath))
  const parameter = (path: readonly DescField[], place: 'path' | 'query'): Schema => {
    const field = path.at(-1)
    if (field === undefined) throw new Error('an empty field path')
    const { description, ...schema } = schemas.field(field)
    return {
      name: jsonPath(path),
      in: place,
      required: place === 'path',
      ...(description === undefined ? {} : { description }),
      schema,
    }
  }
  const query =
    route.body === '*' || route.isRaw
      ? []
      : queryFields(route.method.descriptor.input.fields).filter(
          (path) => path[0] !== route.body && !inPath.has(jsonPath(path)),
        )
  return [
    ...route.variables.map((path) => parameter(path, 'path')),
    ...query.map((path) => parameter(path, 'query')),
  ]
}

function bodyOf(route: Route, schemas: SchemaSet): Schema | undefined {
  if (route.isRaw) return { content: { '*/*': { schema: {} } } }
  if (route.body === undefined) return undefined
  const schema = route.body === '*' ? schemas.ref(route.method.descriptor.input) : schemas.field(route.body)
  return { content: { 'application/json': { schema } } }
}

function answerOf(route: Route, schemas: SchemaSet): Schema {
  if (route.isRaw) return { description: 'What the provider expects.' }
  const { output } = route.method.descriptor
  const schema = route.answer === undefined ? schemas.ref(output) : schemas.field(route.answer)
  return route.method.isStream
    ? {
        description: 'Server-sent events: each `data` is one message; then `end`, or `error` with a problem.',
        content: { 'text/event-stream': { schema: { type: 'string' }, 'x-hushryd-event': schema } },
      }
    : { description: 'Done.', content: { 'application/json': { schema } } }
}

function securityOf(audiences: Audiences): Schema[] {
  if (audiences.has(Audience.AUDIENCE_PUBLIC)) return []
  const people = [Audience.AUDIENCE_PASSENGER, Audience.AUDIENCE_DRIVER, Audience.AUDIENCE_ADMIN]
  return [
    ...(people.some((audience) => audiences.has(audience)) ? [{ session: [] }] : []),
    ...(audiences.has(Audience.AUDIENCE_BACKEND) ? [{ serviceKey: [] }] : []),
    ...(audiences.has(Audience.AUDIENCE_VIEWER) ? [{ share: [] }] : []),
  ]
}

/** The comment's first sentence. */
function summaryOf(method: DescMethod): string {
  return /^[^.:]+/.exec(commentOf(method))?.[0] ?? method.name
}

function openTo(audiences: Audiences): string {
  return AUDIENCES.filter(({ audience }) => audiences.has(audience))
    .map(({ text }) => text)
    .join(', ')
}

function operationOf(route: Route, operationId: string, schemas: SchemaSet): Schema {
  const { descriptor, audiences, serviceName } = route.method
  const comment = commentOf(descriptor)
  const open = AUDIENCES.filter(({ audience }) => audiences.has(audience))
  const body = bodyOf(route, schemas)
  return {
    operationId,
    tags: [serviceName],
    summary: summaryOf(descriptor),
    description: `${comment}\n\nOpen to: ${openTo(audiences)}.`.trim(),
    'x-hushryd-audience': open.map(({ name }) => name),
    'x-hushryd-method': route.method.name,
    security: securityOf(audiences),
    parameters: parametersOf(route, schemas),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      200: answerOf(route, schemas),
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

/** Methods that only a WebSocket `call` reaches: their messages are among the schemas. */
function callsOnly(methods: readonly BridgeMethod[], routes: readonly Route[], schemas: SchemaSet): string {
  const routed = new Set(routes.map(({ method }) => method.name))
  return methods
    .filter(({ name }) => !routed.has(name))
    .map(({ name, audiences, descriptor }) => {
      schemas.ref(descriptor.input)
      schemas.ref(descriptor.output)
      return `- \`${name}\`: ${summaryOf(descriptor)}. Open to: ${openTo(audiences)}.`
    })
    .join('\n')
}

export function openApi(methods: readonly BridgeMethod[], routes: readonly Route[]): Schema {
  const schemas = new SchemaSet()
  const paths: Record<string, Record<string, Schema>> = {}
  const tags = new Map<string, Schema>()
  const uses = new Map<string, number>()
  for (const route of routes.toSorted((a, b) => (a.template.text < b.template.text ? -1 : 1))) {
    const { descriptor, serviceName } = route.method
    const use = (uses.get(route.method.name) ?? 0) + 1
    uses.set(route.method.name, use)
    // The second binding of a method is another operation.
    const operationId = `${descriptor.parent.name}_${descriptor.name}${use === 1 ? '' : use}`
    const path = openApiPath(route)
    paths[path] = { ...paths[path], [route.verb.toLowerCase()]: operationOf(route, operationId, schemas) }
    tags.set(serviceName, { name: serviceName, description: commentOf(descriptor.parent) })
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'HushRyd real-time API',
      version: '1',
      description: `REST of the edge. The same methods can be called over the WebSocket at /v1/ws, which docs/PROTOCOL.md describes; these only there:\n\n${callsOnly(methods, routes, schemas)}`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Whichever edge the page came from.
    servers: [{ url: '/' }],
    tags: [...tags.values()],
    paths,
    components: {
      schemas: { ...schemas.all, [PROBLEM_NAME]: PROBLEM },
      securitySchemes: SECURITY_SCHEMES,
      responses: {
        Problem: {
          description: 'What went wrong.',
          headers: {
            'Retry-After': { description: 'Seconds, where a time is known.', schema: { type: 'integer' } },
          },
          content: {
            'application/problem+json': { schema: { $ref: `#/components/schemas/${PROBLEM_NAME}` } },
          },
        },
      },
    },
  }
}
