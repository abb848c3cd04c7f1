/**
 * Whether a PDF would do anything but show pages, and how much it unpacks to.
 *
 * Runs in a thread of its own (thread.ts): reading a hostile file may take any
 * time and memory.
 */
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createInflate } from 'node:zlib'
import {
  decodePDFRawStream,
  EncryptedPDFError,
  PDFArray,
  PDFDict,
  PDFName,
  PDFNumber,
  type PDFObject,
  PDFRawStream,
  PDFStream,
} from '@cantoo/pdf-lib'
import { readAllObjects, TooComplex } from './bounded-library.ts'

export type PdfVerdict = 'plain' | 'active' | 'encrypted' | 'damaged' | 'too_complex'

/** Keys that give an object something to do, or something to carry. */
const ACTIVE_KEYS = new Set([
  'JS',
  'JavaScript',
  'AA',
  'EmbeddedFiles',
  'EF',
  'RichMediaContent',
  'XFA',
  'AF',
  'Collection',
])
/** Actions that do more than turn pages or follow a web link: ISO 32000-1, table 198. */
const ACTIVE_ACTIONS = new Set([
  'JavaScript',
  'Launch',
  'SubmitForm',
  'ImportData',
  'GoToR',
  'GoToE',
  'RichMediaExecute',
  'Rendition',
  'Movie',
  'Sound',
  'GoTo3DView',
])
const ACTIVE_TYPES = new Set(['EmbeddedFile', 'Filespec', 'RichMedia'])
const ACTIVE_SUBTYPES = new Set(['RichMedia', 'FileAttachment', 'Screen', 'Movie', 'Sound', '3D'])

/** What one object stream may unpack to; the library holds it as a whole. */
const OBJECTS_BYTES_MAX = 32 * 1024 * 1024
/** What all streams of a file may: some twenty pages scanned in colour at 200 dpi. */
const CONTENT_BYTES_MAX = 256 * 1024 * 1024
/** A page scanned at 600 dpi has 35 million. */
const IMAGE_PIXELS_MAX = 100_000_000
/** Nested deeper than this, or holding more values than this, a file is no scan. */
const DEPTH_MAX = 64
const VALUES_MAX = 2_000_000

/** The library decodes `#4A` and not `#4a`, which viewers do as well. */
function textOf(name: PDFName): string {
  return name
    .asString()
    .slice(1)
    .replaceAll(/#([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function findName(dict: PDFDict, key: string): string | undefined {
  for (const [name, value] of dict.entries()) {
    if (textOf(name) !== key) continue
    const resolved = dict.context.lookup(value)
    return resolved instanceof PDFName ? textOf(resolved) : undefined
  }
  return undefined
}

function isActiveDict(dict: PDFDict): boolean {
  if (dict.keys().some((name) => ACTIVE_KEYS.has(textOf(name)))) return true
  return (
    ACTIVE_ACTIONS.has(findName(dict, 'S') ?? '') ||
    ACTIVE_TYPES.has(findName(dict, 'Type') ?? '') ||
    ACTIVE_SUBTYPES.has(findName(dict, 'Subtype') ?? '')
  )
}

/** Walks what an object holds directly; what it refers to is looked at in its own place. */
function isActive(root: PDFObject, budget: { values: number }): boolean {
  const waiting: { readonly value: PDFObject; readonly depth: number }[] = [{ value: root, depth: 0 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next
    budget.values -= 1
    if (depth > DEPTH_MAX || budget.values < 0) throw new TooComplex()
    const dict = value instanceof PDFStream ? value.dict : value
    if (dict instanceof PDFDict) {
      if (isActiveDict(dict)) return true
      for (const inner of dict.values()) waiting.push({ value: inner, depth: depth + 1 })
    } else if (dict instanceof PDFArray) {
      for (const inner of dict.asArray()) waiting.push({ value: inner, depth: depth + 1 })
    }
  }
  return false
}

function filtersOf({ dict }: PDFRawStream): readonly string[] {
  const filter = dict.lookup(PDFName.of('Filter'))
  if (filter instanceof PDFName) return [textOf(filter)]
  if (!(filter instanceof PDFArray)) return []
  return filter.asArray().map((each) => {
    const name = dict.context.lookup(each)
    return name instanceof PDFName ? textOf(name) : ''
  })
}

/** Unpacked and thrown away, a little at a time; data that breaks off counts as far as it goes. */
async function inflatedLength(bytes: Uint8Array, bytesMax: number): Promise<number> {
  let length = 0
  const counter = new PassThrough()
  counter.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > bytesMax) counter.destroy(new TooComplex())
  })
  try {
    await pipeline([bytes], createInflate(), counter)
  } catch (error) {
    if (error instanceof TooComplex) throw error
  }
  return length
}

/** What only an image's own decoder reads: its pixels are counted instead. */
const IMAGE_FILTERS = new Set(['DCTDecode', 'DCT', 'JPXDecode', 'CCITTFaxDecode', 'CCF', 'JBIG2Decode'])

async function unpackedLength(stream: PDFRawStream, bytesMax: number): Promise<number> {
  const packings = filtersOf(stream).filter((name) => !IMAGE_FILTERS.has(name))
  const [first] = packings
  if (first === undefined) return 0
  if (packings.length === 1 && (first === 'FlateDecode' || first === 'Fl'))
    return await inflatedLength(stream.contents, bytesMax)
  // Packed in layers, or as nobody packs pages today: only what fits into the library's own bound.
  return packings.length === filtersOf(stream).length ? decodePDFRawStream(stream).decode().length : 0
}

function pixelsOf({ dict }: PDFRawStream): number {
  const side = (key: string): number => {
    const value = dict.lookup(PDFName.of(key))
    return value instanceof PDFNumber ? value.asNumber() : 0
  }
  return side('Width') * side('Height')
}

async function checkUnpacked(objects: readonly PDFObject[]): Promise<void> {
  let left = CONTENT_BYTES_MAX
  for (const object of objects) {
    if (!(object instanceof PDFRawStream)) continue
    if (pixelsOf(object) > IMAGE_PIXELS_MAX) throw new TooComplex()
    left -= await unpackedLength(object, left)
    if (left < 0) throw new TooComplex()
  }
}

/** How near to its end a file says that it is over: where Acrobat looks. */
const END_BYTES = 1_024

function hasEnd(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(-END_BYTES)).includes('%%EOF')
}

/** In the trailer, which is never encrypted itself. */
function isEncrypted(bytes: Uint8Array): boolean {
  return /\/Encrypt\s*(?:\d+\s+\d+\s+R|<<)/.test(Buffer.from(bytes).toString('latin1'))
}

export async function judgePdf(bytes: Uint8Array): Promise<PdfVerdict> {
  if (!hasEnd(bytes)) return 'damaged'
  try {
    const { document, objects } = await readAllObjects(bytes, { unpackedBytesMax: OBJECTS_BYTES_MAX })
    if (document.getPageCount() === 0) return 'damaged'
    const budget = { values: VALUES_MAX }
    if (objects.some((object) => isActive(object, budget))) return 'active'
    await checkUnpacked(objects)
    return 'plain'
  } catch (error) {
    if (error instanceof EncryptedPDFError) return 'encrypted'
    // A stack or array that grows past its limit is a RangeError.
    if (error instanceof TooComplex || error instanceof RangeError) return 'too_complex'
    // The library throws errors of any kind at what it cannot read, encrypted objects among it.
    return isEncrypted(bytes) ? 'encrypted' : 'damaged'
  }
}
