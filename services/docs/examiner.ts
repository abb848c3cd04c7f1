/**
 * All checks of an uploaded file, in the order of what they cost and risk:
 * length, checksum, real type, viruses, and only then a decoder. Nothing is
 * written here: the answer is the file to store, or why there is none.
 */
import { createHash } from 'node:crypto'
import {
  type CheckedReason,
  type ContentType,
  type Document,
  isSealed,
  REJECTION_TEXTS,
  type Rejection,
} from './document.ts'
import type { RenewImage } from './image.ts'
import type { PdfVerdict } from './pdf/content.ts'
import type { PdfReader } from './pdf/reader.ts'
import type { Scanner } from './scanner.ts'
import { SEALED_BYTES_MAX } from './sealed-file.ts'
import { sniff } from './sniffer.ts'

export interface ExaminedFile {
  readonly contentType: ContentType
  readonly bytes: Uint8Array
  readonly thumbnail: Uint8Array | undefined
}

export type Examination =
  | { readonly kind: 'passed'; readonly file: ExaminedFile }
  | { readonly kind: 'rejected'; readonly rejection: Rejection; readonly signature?: string }

export interface ExaminerParts {
  readonly scanner: Scanner
  readonly renewImage: RenewImage
  readonly pdfReader: PdfReader
}

/** What was uploaded: its length, and its bytes where it is as long as announced. */
export interface UploadedFile {
  readonly sizeBytes: number
  readonly bytes: Uint8Array | undefined
}

/** Throws `ScannerAway`: then there is no answer, and the file waits. */
export type Examine = (document: Document, file: UploadedFile) => Promise<Examination>

const PDF_REASONS: Readonly<Record<Exclude<PdfVerdict, 'plain'>, CheckedReason>> = {
  active: 'active_content',
  encrypted: 'encrypted',
  damaged: 'damaged',
  too_complex: 'too_complex',
}

export function rejected(reason: CheckedReason): Examination {
  return { kind: 'rejected', rejection: { reason, text: REJECTION_TEXTS[reason] } }
}

export function createExaminer({ scanner, renewImage, pdfReader }: ExaminerParts): Examine {
  async function examineImage(bytes: Uint8Array, document: Document): Promise<Examination> {
    const result = await renewImage(bytes)
    if (result.kind !== 'image') return rejected(result.kind)
    const { bytes: stored, thumbnail } = result.image
    // A preview of a sealed file would be one more copy to seal, and nobody is to see it in passing.
    const shown = isSealed(document.type) ? undefined : thumbnail
    return { kind: 'passed', file: { contentType: 'image/jpeg', bytes: stored, thumbnail: shown } }
  }

  async function examinePdf(bytes: Uint8Array): Promise<Examination> {
    const verdict = await pdfReader.judge(bytes)
    if (verdict !== 'plain') return rejected(PDF_REASONS[verdict])
    return { kind: 'passed', file: { contentType: 'application/pdf', bytes, thumbnail: undefined } }
  }

  async function examineContent(bytes: Uint8Array, document: Document): Promise<Examination> {
    const examination =
      document.contentType === 'application/pdf'
        ? await examinePdf(bytes)
        : await examineImage(bytes, document)
    const isTooLong =
      examination.kind === 'passed' &&
      isSealed(document.type) &&
      examination.file.bytes.length > SEALED_BYTES_MAX
    return isTooLong ? rejected('too_complex') : examination
  }

  return async (document, { sizeBytes, bytes }) => {
    if (sizeBytes !== document.sizeBytes || bytes === undefined) return rejected('size_mismatch')
    if (createHash('sha256').update(bytes).digest('hex') !== document.sha256)
      return rejected('checksum_mismatch')
    const scan = await scanner.scan(bytes)
    if (scan.kind === 'found') return { ...rejected('malware'), signature: scan.signature }
    if (scan.kind === 'too_large') return rejected('too_complex')
    const sniffed = await sniff(bytes)
    if (sniffed.kind === 'foreign') return rejected('type_not_allowed')
    if (sniffed.kind === 'polyglot') return rejected('hidden_content')
    if (sniffed.contentType !== document.contentType) return rejected('type_mismatch')
    return await examineContent(bytes, document)
  }
}
