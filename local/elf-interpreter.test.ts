import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { setInterpreter } from './elf-interpreter.mjs'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushryd-elf-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const PT_LOAD = 1
const PT_INTERP = 3
const HEADER_BYTES = 64
const PROGRAM_HEADER_BYTES = 56

/** A program of these segment types and nothing else. */
function programOf(...types: number[]): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + types.length * PROGRAM_HEADER_BYTES)
  bytes.write('7f454c460201', 'hex')
  bytes.writeBigUInt64LE(BigInt(HEADER_BYTES), 32)
  bytes.writeUInt16LE(PROGRAM_HEADER_BYTES, 54)
  bytes.writeUInt16LE(types.length, 56)
  for (const [index, type] of types.entries()) {
    bytes.writeUInt32LE(type, HEADER_BYTES + index * PROGRAM_HEADER_BYTES)
  }
  return bytes
}

async function put(bytes: Buffer): Promise<string> {
  const path = join(folder, 'program')
  await writeFile(path, bytes)
  return path
}

/** As the kernel reads it. */
function interpreterOf(bytes: Buffer, segment: number): string {
  const at = HEADER_BYTES + segment * PROGRAM_HEADER_BYTES
  const offset = Number(bytes.readBigUInt64LE(at + 8))
  return bytes.toString('utf8', offset, offset + Number(bytes.readBigUInt64LE(at + 32)))
}

test('the program names the new loader, and all else stays where it was', async () => {
  const before = programOf(PT_LOAD, PT_INTERP, PT_LOAD)
  const path = await put(before)
  setInterpreter(path, '/a/private/folder/ld.so')
  const after = await readFile(path)
  expect(interpreterOf(after, 1)).toBe('/a/private/folder/ld.so\0')
  const interpAt = HEADER_BYTES + PROGRAM_HEADER_BYTES
  expect(after.subarray(0, interpAt)).toEqual(before.subarray(0, interpAt))
  const nextAt = interpAt + PROGRAM_HEADER_BYTES
  expect(after.subarray(nextAt, before.length)).toEqual(before.subarray(nextAt))
})

test('what is no program, or names no loader, is refused', async () => {
  const script = await put(Buffer.from(`#!/bin/sh\n${'#'.repeat(100)}`))
  expect(() => setInterpreter(script, '/ld.so')).toThrow('no 64-bit ELF program')
  const library = await put(programOf(PT_LOAD))
  expect(() => setInterpreter(library, '/ld.so')).toThrow('names no loader')
})
