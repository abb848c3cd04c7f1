/** The file of an upload, whichever way the app holds it: its size, its type, its checksum, and how it is sent. */
import type { FileRuntime } from './file-runtime.ts'
import { sha256, toHex } from './sha256.ts'

/** What of a Blob or a File is used. */
export interface BlobLike {
  readonly size: number
  readonly type: string
  /** Of a File. */
  readonly name?: string
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> }
}

/** A file of React Native, as its pickers and cameras give it. */
export interface FileAddress {
  readonly uri: string
  readonly name?: string | null | undefined
  readonly type?: string | null | undefined
}

export type UploadFile = BlobLike | Uint8Array | FileAddress

export interface ReadFile {
  readonly name: string
  readonly contentType: string
  readonly sizeBytes: number
  /** Hexadecimal. */
  readonly sha256: string
  readonly body: unknown
}

/** Read at once; a larger file goes through memory in pieces of this size. */
const PIECE_BYTES = 4 * 1024 * 1024
const HEAD_BYTES = 16
/** What the accepted types begin with: text at a place. */
const SIGNATURES: readonly (readonly [type: string, at: number, text: string])[] = [
  ['image/jpeg', 0, '\xff\xd8\xff'],
  ['image/png', 0, '\x89PNG'],
  ['image/webp', 8, 'WEBP'],
  ['application/pdf', 0, '%PDF-'],
]
/** For content that is none of these; the service refuses it and says so. */
const UNKNOWN_TYPE = 'application/octet-stream'

export async function readFile(
  files: FileRuntime,
  file: UploadFile,
  onRead: (readBytes: number, totalBytes: number) => void,
): Promise<ReadFile> {
  const opened = await open(files, file)
  const sum = await sumOf(opened, files.digest, onRead)
  const given = file instanceof Uint8Array ? undefined : file
  return {
    name: given?.name ?? '',
    // A browser tells a File's type by its name alone.
    contentType: typeOf(await opened.piece(0, HEAD_BYTES)) ?? (given?.type || UNKNOWN_TYPE),
    sizeBytes: opened.sizeBytes,
    sha256: toHex(sum),
    body: given !== undefined && 'uri' in given ? { uri: given.uri } : file,
  }
}

interface OpenFile {
  readonly sizeBytes: number
  readonly piece: (start: number, end: number) => Promise<Uint8Array>
}

async function open(files: FileRuntime, file: UploadFile): Promise<OpenFile> {
  if ('slice' in file && 'size' in file) {
    return {
      sizeBytes: file.size,
      piece: async (start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer()),
    }
  }
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(await files.read(file.uri))
  return { sizeBytes: bytes.length, piece: async (start, end) => bytes.subarray(start, end) }
}

async function sumOf(
  { sizeBytes, piece }: OpenFile,
  digest: FileRuntime['digest'],
  onRead: (readBytes: number, totalBytes: number) => void,
): Promise<Uint8Array> {
  const hash = sha256()
  for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
    const bytes = await piece(at, Math.min(at + PIECE_BYTES, sizeBytes))
    onRead(at + bytes.length, sizeBytes)
    // The machine's own knows no pieces.
    if (digest !== undefined && bytes.length === sizeBytes) return new Uint8Array(await digest(bytes))
    hash.update(bytes)
  }
  return hash.digest()
}

function typeOf(bytes: Uint8Array): string | undefined {
  const found = SIGNATURES.find(([, at, text]) =>
    [...text].every((character, index) => bytes[at + index] === character.charCodeAt(0)),
  )
  return found?.[0]
}
