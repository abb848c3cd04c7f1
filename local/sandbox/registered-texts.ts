/**
 * The texts that WhatsApp and MSG91 have approved and fill in themselves:
 * whoever sends names the text and gives the values. The sandbox approves
 * those in services/notify/templates.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

interface TextsFile {
  readonly sms?: { readonly dltTemplateId: string; readonly registered: string }
  readonly whatsapp?: {
    readonly name: string
    readonly language: string
    readonly params: readonly string[]
    readonly text: string
  }
}

export type FilledText = { readonly text: string } | { readonly problem: 'unknown' | 'count' }

export interface RegisteredTexts {
  fillSms(dltTemplateId: string, values: readonly string[]): FilledText
  fillWhatsapp(name: string, language: string, values: readonly string[]): FilledText
}

const FOLDER = join(import.meta.dirname, '..', '..', 'services', 'notify', 'templates')
const DLT_PLACE = '{#var#}'

export function registerTexts(files: readonly TextsFile[]): RegisteredTexts {
  const sms = new Map(
    files.flatMap((file) => (file.sms ? [[file.sms.dltTemplateId, file.sms.registered]] : [])),
  )
  const whatsapp = new Map(
    files.flatMap(({ whatsapp: text }) => (text ? [[`${text.name}/${text.language}`, text] as const] : [])),
  )
  return {
    fillSms(dltTemplateId, values) {
      const parts = sms.get(dltTemplateId)?.split(DLT_PLACE)
      if (parts === undefined) return { problem: 'unknown' }
      return { text: parts.map((part, index) => part + (values[index] ?? '')).join('') }
    },
    fillWhatsapp(name, language, values) {
      const found = whatsapp.get(`${name}/${language}`)
      if (found === undefined) return { problem: 'unknown' }
      if (found.params.length !== values.length) return { problem: 'count' }
      const text = found.params.reduce(
        (filled, param, index) => filled.replaceAll(`{${param}}`, () => values[index] ?? ''),
        found.text,
      )
      return { text }
    },
  }
}

/** Every version of every template in every language. */
export async function readRegisteredTexts(folder: string = FOLDER): Promise<RegisteredTexts> {
  const paths = await readdir(folder, { recursive: true })
  const texts = paths.filter((path) => /\d+[\\/][a-z]{2}\.json$/.test(path))
  return registerTexts(
    await Promise.all(
      texts.map(async (path) => JSON.parse(await readFile(join(folder, path), 'utf8')) as TextsFile),
    ),
  )
}
