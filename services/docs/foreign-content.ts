/**
 * Pure: whether a photo or PDF is a second kind of file as well.
 *
 * An image is stored newly encoded, so nothing hidden in it would survive.
 * It is refused all the same: nobody's camera makes such a file. What cameras
 * do append stays allowed: previews, depth and gain maps, the film of a
 * "motion photo", the maker's own trailer.
 */
import type { ContentType } from './document.ts'

/** An archive is read from its end: the record that says so, with the length of the comment behind it. */
const ZIP_END = Buffer.from('PK\x05\x06', 'latin1')
const ZIP_END_BYTES = 22
const ZIP_COMMENT_LENGTH_AT = 20
const ZIP_COMMENT_BYTES_MAX = 65_535

const OTHER_ARCHIVES = ['Rar!\x1a\x07', '7z\xbc\xaf\x27\x1c']
/** What a browser, a server or a viewer would act on, wherever it stands in an image. */
const PAGES_AND_SCRIPTS = ['<?php', '<script', '<html', '<!doctype', '<svg', '<iframe', 'javascript:']
const PDF_HEADER = '%PDF-'
/** A program at the very end of an image's own data. */
const PROGRAMS = ['MZ', '\x7fELF', '#!']

function hasZip(bytes: Buffer): boolean {
  const from = Math.max(0, bytes.length - ZIP_END_BYTES - ZIP_COMMENT_BYTES_MAX)
  for (let at = bytes.indexOf(ZIP_END, from); at >= 0; at = bytes.indexOf(ZIP_END, at + 1)) {
    const end = at + ZIP_END_BYTES
    // Four bytes also come about by chance: the comment's length has to fit the end of the file.
    if (end <= bytes.length && end + bytes.readUInt16LE(at + ZIP_COMMENT_LENGTH_AT) <= bytes.length)
      return true
  }
  return false
}

const JPEG_MARKER = 0xff
const JPEG_END = 0xd9
const JPEG_SCAN = 0xda
/** Markers without a length: TEM, and the restarts inside of a scan. */
const isBareMarker = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)

/** Behind the first image of a JPEG; its length where the end is never reached. */
function jpegEnd(bytes: Buffer): number {
  let at = 2
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== JPEG_MARKER) return bytes.length
    const marker = bytes[at + 1] ?? 0
    if (marker === JPEG_END) return at + 2
    if (marker === JPEG_MARKER) at += 1
    else if (isBareMarker(marker)) at += 2
    else {
      at += 2 + bytes.readUInt16BE(at + 2)
      if (marker === JPEG_SCAN) at = scanEnd(bytes, at)
    }
  }
  return at + 2 === bytes.length && bytes[at + 1] === JPEG_END ? at + 2 : bytes.length
}

/** The next marker that ends compressed data: there 0xff is followed by zero or a restart. */
function scanEnd(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(JPEG_MARKER, from); at >= 0; at = bytes.indexOf(JPEG_MARKER, at + 1)) {
    const next = bytes[at + 1] ?? 0
    if (next !== 0 && next !== JPEG_MARKER && !isBareMarker(next)) return at
  }
  return bytes.length
}

const PNG_END = Buffer.from('IEND', 'latin1')
const PNG_CHECKSUM_BYTES = 4

function pngEnd(bytes: Buffer): number {
  const at = bytes.indexOf(PNG_END)
  return at < 0 ? bytes.length : at + PNG_END.length + PNG_CHECKSUM_BYTES
}

const RIFF_HEAD_BYTES = 8

function webpEnd(bytes: Buffer): number {
  return bytes.length < RIFF_HEAD_BYTES ? bytes.length : RIFF_HEAD_BYTES + bytes.readUInt32LE(4)
}

const END_OF: Readonly<Record<Exclude<ContentType, 'application/pdf'>, (bytes: Buffer) => number>> = {
  'image/jpeg': jpegEnd,
  'image/png': pngEnd,
  'image/webp': webpEnd,
}

export function hasForeignContent(file: Uint8Array, contentType: ContentType): boolean {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  if (hasZip(bytes)) return true
  if (contentType === 'application/pdf') return false
  // Latin-1 keeps a byte a character; the words are ASCII, so lower case is theirs alone.
  const text = bytes.toString('latin1')
  if (text.includes(PDF_HEADER)) return true
  const lower = text.toLowerCase()
  if (PAGES_AND_SCRIPTS.some((word) => lower.includes(word))) return true
  const trailer = text.slice(END_OF[contentType](bytes))
  return (
    OTHER_ARCHIVES.some((head) => trailer.includes(head)) || PROGRAMS.some((head) => trailer.startsWith(head))
  )
}
