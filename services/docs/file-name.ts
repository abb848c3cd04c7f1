/**
 * Pure: a client's file name in a Content-Disposition header.
 *
 * The name is a stranger's text in somebody else's browser: no path, no
 * control character, no change of writing direction, no ending that differs
 * from the content. RFC 6266 with RFC 8187 for what is not ASCII.
 */
import type { ContentType } from './document.ts'

const ENDINGS: Readonly<Record<ContentType, string>> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'application/pdf': 'pdf',
}

const CHARS_MAX = 80
/** Separators of every system, what shells and headers take apart, and marks that turn text around. */
const UNSAFE = /[\p{Cc}/\\:*?"<>|;%'`$\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
const ENDING = /\.[A-Za-z0-9]{1,8}$/

export function safeFileName(name: string, contentType: ContentType): string {
  const stem = name
    .normalize('NFC')
    .toWellFormed()
    .replaceAll(UNSAFE, '_')
    .replace(ENDING, '')
    .replace(/^[.\s]+|[.\s]+$/g, '')
  const short = [...stem].slice(0, CHARS_MAX).join('')
  return `${short === '' ? 'document' : short}.${ENDINGS[contentType]}`
}

/** For showing in a browser, under a safe name. */
export function contentDisposition(name: string, contentType: ContentType): string {
  const safe = safeFileName(name, contentType)
  const ascii = safe.replaceAll(/[^\x20-\x7e]/g, '_')
  // What encodeURIComponent leaves and RFC 8187 does not allow.
  const encoded = encodeURIComponent(safe).replaceAll(
    /[!()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `inline; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
