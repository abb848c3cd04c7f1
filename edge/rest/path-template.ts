/**
 * Path templates of google.api.http: literals, `*`, `**`, `{field}`,
 * `{field=segments}` and a `:verb` at the end.
 * https://github.com/googleapis/googleapis/blob/master/google/api/http.proto
 */

export interface PathTemplate {
  /** As the contract writes it. */
  readonly text: string
  /** The fields that the path fills, in proto names, in order. */
  readonly variables: readonly string[]
  readonly hasVerb: boolean
  /** Of two templates that match one path, the one that sorts first is meant. */
  readonly rank: string
  /** The variables' values, decoded; undefined where the path is another's. Throws URIError. */
  match(path: string): readonly string[] | undefined
}

const LITERAL = /^[A-Za-z0-9_.~-]+$/
const FIELD_PATH = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/

/** Splits at slashes outside of braces. */
function splitSegments(path: string): string[] {
  return path.split(/\/(?![^{]*\})/)
}

function segmentPattern(segment: string): { readonly pattern: string; readonly rank: string } {
  if (segment === '**') return { pattern: '.*', rank: '2' }
  if (segment === '*') return { pattern: '[^/]+', rank: '1' }
  if (!LITERAL.test(segment)) throw new Error(`no segment of a path template: ${segment}`)
  return { pattern: segment.replaceAll('.', '\\.'), rank: '0' }
}

/** A slash stays a separator: `%2F` inside of a segment is decoded after the split. */
function decode(value: string): string {
  return value.split('/').map(decodeURIComponent).join('/')
}

export function parseTemplate(text: string): PathTemplate {
  const verb = /:([^/{}:]+)$/.exec(text)?.[1]
  const path = verb === undefined ? text : text.slice(0, -verb.length - 1)
  if (!path.startsWith('/')) throw new Error(`a path template begins with a slash: ${text}`)
  if (verb !== undefined && !LITERAL.test(verb)) throw new Error(`no verb of a path template: ${verb}`)

  const variables: string[] = []
  let pattern = ''
  let rank = ''
  for (const segment of splitSegments(path.slice(1))) {
    const variable = /^\{([^=}]+)(?:=([^}]+))?\}$/.exec(segment)
    const inner = (variable?.[2] ?? (variable === null ? segment : '*')).split('/').map(segmentPattern)
    const joined = inner.map((part) => part.pattern).join('/')
    rank += inner.map((part) => part.rank).join('')
    if (variable === null) {
      pattern += `/${joined}`
      continue
    }
    const [, field = ''] = variable
    if (!FIELD_PATH.test(field)) throw new Error(`no field path: ${field}`)
    variables.push(field)
    pattern += `/(${joined})`
  }
  const expression = new RegExp(`^${pattern}${verb === undefined ? '' : `:${verb.replaceAll('.', '\\.')}`}$`)
  return {
    text,
    variables,
    hasVerb: verb !== undefined,
    rank: (verb === undefined ? '1' : '0') + rank,
    match: (given) => expression.exec(given)?.slice(1).map(decode),
  }
}
