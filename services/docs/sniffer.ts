/**
 * What a file really is, by its content: the client's word, its name and its
 * header are only what somebody says.
 */
import { fileTypeFromBuffer } from 'file-type'
import { CONTENT_TYPES, type ContentType } from './document.ts'
import { hasForeignContent } from './foreign-content.ts'

export type Sniffed =
  | { readonly kind: 'type'; readonly contentType: ContentType }
  /** None of the types that are accepted. */
  | { readonly kind: 'foreign' }
  /** One of them, and something else as well. */
  | { readonly kind: 'polyglot' }

export async function sniff(bytes: Uint8Array): Promise<Sniffed> {
  const found = await fileTypeFromBuffer(bytes)
  const contentType = CONTENT_TYPES.find((type) => type === found?.mime)
  if (contentType === undefined) return { kind: 'foreign' }
  return hasForeignContent(bytes, contentType) ? { kind: 'polyglot' } : { kind: 'type', contentType }
}
