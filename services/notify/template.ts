/**
 * A template: its texts by language, what it needs, and what becomes of both.
 * Pure; template-files.ts reads them.
 */
import { DomainError, ErrorReason, type Violation } from '@hushryd/kernel/error.ts'
import type { Channel, OutgoingMessage } from './provider.ts'
import { matchesRegistered, placesFor, placeValues } from './sms-text.ts'

export const LANGUAGES = ['en', 'hi', 'te'] as const
export type Language = (typeof LANGUAGES)[number]
export const FALLBACK: Language = 'en'

export interface Variable {
  /** `person`: the name of the person that it is about, looked up when it is sent. */
  readonly from: 'data' | 'person'
  /** `time`: milliseconds since 1970, written in the recipient's language. */
  readonly kind: 'text' | 'time'
  readonly charsMax: number
  /** Whether a longer value is cut; otherwise it is refused at queueing, and left out of an SMS. */
  readonly isCut: boolean
}

export interface TemplateTexts {
  readonly language: Language
  /** For variables that may be left out. */
  readonly defaults: Readonly<Record<string, string>>
  readonly sms?: { readonly text: string; readonly dltTemplateId: string; readonly registered: string }
  readonly whatsapp?: {
    readonly name: string
    readonly language: string
    readonly params: readonly string[]
    readonly text: string
  }
  readonly email?: { readonly subject: string; readonly text: string }
  readonly push?: { readonly title: string; readonly text: string }
}

export interface Template {
  readonly name: string
  readonly version: number
  readonly purpose: string
  /** Its sender in India's registry. */
  readonly dlt: { readonly entityId: string; readonly headerId: string }
  readonly variables: Readonly<Record<string, Variable>>
  /** A language without texts of its own has the English ones. */
  readonly texts: Readonly<Record<Language, TemplateTexts>>
}

export type Data = Readonly<Record<string, string | number | boolean>>

export function channelsOf({ texts }: Template): Channel[] {
  const { sms, whatsapp, email, push } = texts[FALLBACK]
  const all: [Channel, unknown][] = [
    ['sms', sms],
    ['whatsapp', whatsapp],
    ['push', push],
    ['email', email],
  ]
  return all.filter(([, text]) => text !== undefined).map(([channel]) => channel)
}

export function requiredOf({ variables, texts }: Template): string[] {
  return Object.entries(variables)
    .filter(([name, { from }]) => from === 'data' && texts[FALLBACK].defaults[name] === undefined)
    .map(([name]) => name)
}

/** `hi-IN` is Hindi; a language without texts is English. */
export function languageOf(locale: string): Language {
  const primary = locale.split('-')[0]?.toLowerCase()
  return LANGUAGES.find((language) => language === primary) ?? FALLBACK
}

/** What JavaScript's dates hold. */
const TIME_MS_MAX = 8.64e15

function problemOf(variable: Variable, value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return 'is no text, number or boolean'
  if (variable.kind === 'time') return Math.abs(Number(value)) <= TIME_MS_MAX ? undefined : 'is no time'
  const isTooLong = !variable.isCut && String(value).length > variable.charsMax
  return isTooLong ? `is longer than ${variable.charsMax} characters` : undefined
}

/** The values that the template knows, checked; throws INVALID_REQUEST. */
export function readData(template: Template, given: Readonly<Record<string, unknown>>, field: string): Data {
  const violations: Violation[] = requiredOf(template)
    .filter((name) => given[name] === undefined || given[name] === null || given[name] === '')
    .map((name) => ({ field: `${field}.${name}`, description: `is needed by the template ${template.name}` }))
  const data: Record<string, string | number | boolean> = {}
  for (const [name, variable] of Object.entries(template.variables)) {
    const value = given[name]
    if (variable.from === 'person' || value === undefined || value === null || value === '') continue
    const problem = problemOf(variable, value)
    if (problem !== undefined) violations.push({ field: `${field}.${name}`, description: problem })
    // Checked by problemOf.
    else data[name] = value as string | number | boolean
  }
  if (violations.length > 0) {
    const fields = violations.map((violation) => violation.field).join(', ')
    throw new DomainError(
      ErrorReason.ERROR_REASON_INVALID_REQUEST,
      `The template cannot be filled: ${fields}`,
      {
        violations,
      },
    )
  }
  return data
}

function writeTime(ms: number, language: Language, zone: string): string {
  return new Intl.DateTimeFormat(`${language}-IN`, {
    timeZone: zone,
    day: 'numeric',
    month: 'short',
    hour: 'numeric',
    minute: '2-digit',
  }).format(ms)
}

/** Half of a character that takes two places, which providers refuse. */
const HALF_CHARACTER = /[\uD800-\uDBFF]$/

function cut(text: string, charsMax: number): string {
  const start = text.slice(0, charsMax - 2).replace(HALF_CHARACTER, '')
  // Not `…`, which would make three segments of an SMS that is otherwise one.
  return `${start.trimEnd()}..`
}

/** What of a value fits. Half a link leads nowhere, and only an SMS is bound to its registered places. */
function fit(value: string, { charsMax, isCut }: Variable, { channel }: RenderInput): string {
  if (value.length <= charsMax) return value
  if (isCut) return cut(value, charsMax)
  return channel === 'sms' ? '' : value
}

/** A value is one line: a line break would neither match the registered text nor stay within a header. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/gu, ' ').trim()
}

const PLACE = /\{([a-zA-Z]\w*)\}/g

export function placesOf(text: string): string[] {
  return [...text.matchAll(PLACE)].map(([, name = '']) => name)
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(PLACE, (_place, name: string) => values[name] ?? '')
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** The plain text as HTML: paragraphs, and links that can be tapped. */
function toHtml(text: string): string {
  const safe = text.replaceAll(/[&<>"]/g, (char) => ESCAPES[char] ?? char)
  const linked = safe.replaceAll(/https?:\/\/[^\s<]+/g, (url) => `<a href="${url}">${url}</a>`)
  const paragraphs = linked.split(/\n{2,}/).map((paragraph) => `<p>${paragraph.replaceAll('\n', '<br>')}</p>`)
  return paragraphs.join('\n')
}

export type Content = Pick<OutgoingMessage, 'subject' | 'text' | 'html' | 'title' | 'template' | 'dlt'>

export interface RenderInput {
  readonly channel: Channel
  readonly locale: string
  readonly data: Data
  /** Empty where nobody is named. */
  readonly personName: string
  readonly zone: string
}

/** Undefined where the template has no text for the channel, or the operators would not know the filled SMS. */
export function render(template: Template, input: RenderInput): Content | undefined {
  const { channel, data, personName, zone } = input
  const texts = template.texts[languageOf(input.locale)]
  const values: Record<string, string> = {}
  for (const [name, variable] of Object.entries(template.variables)) {
    const given = variable.from === 'person' ? personName : (data[name] ?? '')
    const isTime = variable.kind === 'time' && given !== ''
    const value = oneLine(isTime ? writeTime(Number(given), texts.language, zone) : String(given))
    values[name] = fit(value, variable, input) || (texts.defaults[name] ?? '')
  }
  switch (channel) {
    case 'sms': {
      if (texts.sms === undefined) return undefined
      const text = fill(texts.sms.text, values)
      const variables = placesOf(texts.sms.text).flatMap((name) =>
        placeValues(values[name] ?? '', placesFor(template.variables[name]?.charsMax ?? 0)),
      )
      const dlt = { ...template.dlt, templateId: texts.sms.dltTemplateId, variables }
      return matchesRegistered(text, texts.sms.registered) ? { text, dlt } : undefined
    }
    case 'whatsapp': {
      if (texts.whatsapp === undefined) return undefined
      const { name, params, text } = texts.whatsapp
      const filled = params.map((param) => values[param] ?? '')
      return {
        text: fill(text, values),
        template: { name, language: texts.whatsapp.language, params: filled },
      }
    }
    case 'email': {
      if (texts.email === undefined) return undefined
      const text = fill(texts.email.text, values)
      return { subject: fill(texts.email.subject, values), text, html: toHtml(text) }
    }
    case 'push':
      if (texts.push === undefined) return undefined
      return { title: fill(texts.push.title, values), text: fill(texts.push.text, values) }
  }
}
