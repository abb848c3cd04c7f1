/**
 * What a PromQL expression asks for, as far as checks need it: names of
 * series, matchers, and labels that it groups by. Pure. It reads the plain
 * expressions of this project, not all of PromQL.
 */

export interface Matcher {
  readonly label: string
  /** Undefined for a pattern that is no list of alternatives, or a negation. */
  readonly values: readonly string[] | undefined
}

export interface Selector {
  readonly name: string
  readonly matchers: readonly Matcher[]
}

export interface Query {
  readonly selectors: readonly Selector[]
  /** Of `by`, `on`, `without` and their like. */
  readonly groupedBy: readonly string[]
}

const GROUPING = /\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g
/** Functions and aggregations are followed by a parenthesis. */
const SELECTOR = /\b([a-zA-Z_][\w:]*)\b(?!\s*\()\s*(?:\{([^}]*)\})?/g
const MATCHER = /([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"([^"]*)"/g
const WORDS = new Set(['and', 'or', 'unless', 'offset', 'bool', 'inf', 'nan'])
/** Alternatives of plain words; anything else is a pattern. */
const ALTERNATIVES = /^[\w.-]+(?:\|[\w.-]+)*$/

function readMatchers(text: string): Matcher[] {
  return [...text.matchAll(MATCHER)].map(([, label = '', operator, value = '']) => {
    if (operator === '=') return { label, values: [value] }
    const isList = operator === '=~' && ALTERNATIVES.test(value)
    return { label, values: isList ? value.split('|') : undefined }
  })
}

export function readQuery(expression: string): Query {
  const groupedBy: string[] = []
  const rest = expression
    .replaceAll(GROUPING, (_whole, list: string) => {
      groupedBy.push(...list.split(',').map((label) => label.trim()))
      return ' '
    })
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\boffset\s+\w+/g, ' ')
  const selectors = [...rest.matchAll(SELECTOR)]
    .filter(([, name = '']) => !WORDS.has(name.toLowerCase()))
    .map(([, name = '', matchers = '']) => ({ name, matchers: readMatchers(matchers) }))
  return { selectors, groupedBy: groupedBy.filter((label) => label !== '') }
}
