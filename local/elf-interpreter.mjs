/**
 * Makes a program start with another loader than the system's, so that one
 * from a newer Debian runs here with its own C library, and starts copies of
 * itself as it is used to.
 *
 * The kernel reads the loader's path from wherever in the file the PT_INTERP
 * header points: the new path goes to the end of the file, and everything else
 * stays where it is.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'

const ELF64_LITTLE_ENDIAN = '7f454c460201'
const PT_INTERP = 3
/** Offsets in the ELF header and in a program header, as the ELF-64 specification has them. */
const HEADERS_OFFSET = 32
const HEADER_SIZE = 54
const HEADER_COUNT = 56
const FILE_HEADER_BYTES = 64
const P_OFFSET = 8
const P_FILESZ = 32
const P_MEMSZ = 40

/** Reads exactly what was asked for. */
function readAt(file, offset, length) {
  const bytes = Buffer.alloc(length)
  if (readSync(file, bytes, 0, length, offset) !== length)
    throw new Error('the file is too short to be a program')
  return bytes
}

export function setInterpreter(program, loader) {
  const file = openSync(program, 'r+')
  try {
    const header = readAt(file, 0, FILE_HEADER_BYTES)
    if (header.toString('hex', 0, 6) !== ELF64_LITTLE_ENDIAN)
      throw new Error(`${program} is no 64-bit ELF program`)
    const size = header.readUInt16LE(HEADER_SIZE)
    const count = header.readUInt16LE(HEADER_COUNT)
    const start = Number(header.readBigUInt64LE(HEADERS_OFFSET))
    const headers = readAt(file, start, size * count)
    const at = Array.from({ length: count }, (_, index) => index * size).find(
      (offset) => headers.readUInt32LE(offset) === PT_INTERP,
    )
    if (at === undefined) throw new Error(`${program} names no loader`)
    const text = Buffer.from(`${loader}\0`)
    const end = fstatSync(file).size
    writeSync(file, text, 0, text.length, end)
    headers.writeBigUInt64LE(BigInt(end), at + P_OFFSET)
    headers.writeBigUInt64LE(BigInt(text.length), at + P_FILESZ)
    headers.writeBigUInt64LE(BigInt(text.length), at + P_MEMSZ)
    writeSync(file, headers, 0, headers.length, start)
  } finally {
    closeSync(file)
  }
}
