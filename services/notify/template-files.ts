/**
 * Reads templates/<name>/<version>/: template.json says what the template
 * needs, <language>.json holds its texts. Everything is checked at the start,
 * so that no text can turn out to be wrong in the moment in which it matters.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { countSegments, DLT_PLACE, placesFor } from './sms-text.ts'
import {
  FALLBACK,
  LANGUAGES,
  type Language,
  placesOf,
  type Template,
  type TemplateTexts,
  type Variable,
} from './template.ts'

export const TEMPLATES_FOLDER = join(import.meta.dirname, 'templates')

/** What providers and operators take in one message. */
const SMS_SEGMENTS_MAX = 10
const NAME = /^[a-z][a-z0-9_]{0,63}$/

export interface Templates {
  /** The version, or the newest where it is left out or gone. */
  find(name: string, version?: number): Template | undefined
  /** Each in its newest version, by name. */
  list(): readonly Template[]
}

interface TemplateFile {
  readonly purpose: string
  readonly dlt: { readonly entityId: string; readonly headerId: string }
  readonly variables: Readonly<Record<string, Partial<Variable>>>
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'))
}

async function findJson(path: string): Promise<unknown> {
  try {
    return await readJson(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function readVariable(variable: Partial<Variable>): Variable {
  return { from: 'data', kind: 'text', charsMax: 30, isCut: false, ...variable }
}

function textsOf({ sms, whatsapp, email, push }: TemplateTexts): string[] {
  return [sms?.text, whatsapp?.text, email?.subject, email?.text, push?.title, push?.text].filter(
    (text) => text !== undefined,
  )
}

function fillAll(
  text: string,
  variables: Template['variables'],
  write: (charsMax: number) => string,
): string {
  return text.replaceAll(/\{(\w+)\}/g, (_place, name: string) => write(variables[name]?.charsMax ?? 0))
}

function problemsOf(texts: TemplateTexts, variables: Template['variables']): string[] {
  const used = [...textsOf(texts).flatMap(placesOf), ...(texts.whatsapp?.params ?? [])]
  const problems = used
    .filter((name) => variables[name] === undefined)
    .map((name) => `{${name}} is no variable`)
  const { sms } = texts
  if (sms === undefined || problems.length > 0) return problems
  const registered = fillAll(sms.text, variables, (charsMax) => DLT_PLACE.repeat(placesFor(charsMax)))
  if (registered !== sms.registered) problems.push('the SMS is not the registered text')
  const longest = fillAll(sms.text, variables, (charsMax) => 'x'.repeat(charsMax))
  if (countSegments(longest) > SMS_SEGMENTS_MAX) problems.push('the SMS may take too many segments')
  return problems
}

async function readTemplate(folder: string, name: string, version: number): Promise<Template> {
  const path = join(folder, name, String(version))
  // The files are the repository's own; what of them can be wrong is checked below.
  const { purpose, dlt, variables: given } = (await readJson(join(path, 'template.json'))) as TemplateFile
  const variables = Object.fromEntries(
    Object.entries(given).map(([key, variable]) => [key, readVariable(variable)]),
  )
  const found = new Map<Language, TemplateTexts>()
  for (const language of LANGUAGES) {
    const texts = await findJson(join(path, `${language}.json`))
    if (texts !== undefined) found.set(language, { defaults: {}, ...(texts as object), language })
  }
  const fallback = found.get(FALLBACK)
  if (fallback === undefined) throw new Error(`${path} has no ${FALLBACK}.json`)
  const problems = [...found.values()].flatMap((texts) =>
    problemsOf(texts, variables).map((problem) => `${path}/${texts.language}.json: ${problem}`),
  )
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const texts = { en: fallback, hi: found.get('hi') ?? fallback, te: found.get('te') ?? fallback }
  return { name, version, purpose, dlt, variables, texts }
}

export async function readTemplates(folder: string = TEMPLATES_FOLDER): Promise<Templates> {
  const byName = new Map<string, Map<number, Template>>()
  for (const name of (await readdir(folder)).sort()) {
    if (!NAME.test(name)) throw new Error(`${name} is no name for a template`)
    const numbers = (await readdir(join(folder, name))).map(Number).sort((one, two) => one - two)
    const versions = new Map<number, Template>()
    for (const version of numbers) versions.set(version, await readTemplate(folder, name, version))
    byName.set(name, versions)
  }
  const newest = (versions: ReadonlyMap<number, Template> | undefined) =>
    [...(versions?.values() ?? [])].at(-1)
  return {
    find: (name, version) => {
      const versions = byName.get(name)
      return (version === undefined ? undefined : versions?.get(version)) ?? newest(versions)
    },
    list: () => [...byName.values()].map(newest).filter((template) => template !== undefined),
  }
}
