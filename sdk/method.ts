/** A method of the contract, as the generated tables hold it, and how it is asked for over REST. */
import { HushrydError } from './error.ts'
import type { Message } from './message-codec.ts'

export interface Method {
  /** Such as hushryd.location.v1.LocationService/GetTrail. */
  readonly path: string
  /** Its messages' names in the generated tables. */
  readonly request: string
  readonly response: string
  readonly route: Route | undefined
}

interface Route {
  readonly verb: string
  /** With its variables in braces. */
  readonly path: string
  readonly hasBody: boolean
  /** REST answers with this one field of the response alone. */
  readonly answerField: string | undefined
}

/** As generated: by method `VERB /path answerField`, with `*` after a verb whose request is the body. */
export interface ServiceTable<Name extends string = string> {
  readonly service: string
  readonly methods: Readonly<Record<Name, string>>
}

export function methodOf<Name extends string>({ service, methods }: ServiceTable<Name>, name: Name): Method {
  const rpc = name.charAt(0).toUpperCase() + name.slice(1)
  // The contract's own rule: a method's messages are called after it and lie beside it.
  const stem = service
    .replace(/^hushryd\./, '')
    .replace('.v1.', '.')
    .replace(/\w+$/, rpc)
  const [verb = '', path = '', answerField] = methods[name].split(' ')
  const route = { verb: verb.replace('*', ''), path, hasBody: verb.endsWith('*'), answerField }
  return {
    path: `${service}/${rpc}`,
    request: `${stem}Request`,
    response: `${stem}Response`,
    route: verb === '' ? undefined : route,
  }
}

export interface RouteRequest {
  readonly verb: string
  readonly path: string
  readonly body?: Message
}

export function routeRequest({ verb, path, hasBody }: Route, request: Message): RouteRequest {
  const rest: Record<string, unknown> = { ...request }
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[name]
    delete rest[name]
    if (value === undefined || value === '') {
      throw new HushrydError(`${name} is missing.`, { code: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST' })
    }
    return encodeURIComponent(String(value))
  })
  if (hasBody) return { verb, path: filled, body: rest }
  const query = Object.entries(rest).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((item) => item !== undefined)
      .map((item) => `${encodeURIComponent(name)}=${encodeURIComponent(String(item))}`),
  )
  return { verb, path: query.length === 0 ? filled : `${filled}?${query.join('&')}` }
}

/** What a socket would have answered. */
export function routeAnswer({ answerField }: Route, answer: unknown): unknown {
  return answerField === undefined ? answer : { [answerField]: answer }
}
