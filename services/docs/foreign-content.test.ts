import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ContentType } from './document.ts'
import { hasForeignContent } from './foreign-content.ts'
import { makePdf, makePhoto, PROGRAM, zipOf } from './testing/sample-files.ts'

const formats = [
  ['image/jpeg', 'jpeg'],
  ['image/png', 'png'],
  ['image/webp', 'webp'],
] as const

describe.for(formats)('%s', ([contentType, format]) => {
  it('by itself is one kind of file', async () => {
    expect(hasForeignContent(await makePhoto({ format, width: 300, height: 200 }), contentType)).toBe(false)
  })

  it.for<[string, () => Buffer]>([
    ['an archive', () => zipOf('a.class', PROGRAM)],
    ['an archive of another kind', () => Buffer.from('Rar!\x1a\x07\x01\x00', 'latin1')],
    ['a program', () => PROGRAM],
    ['a shell script', () => Buffer.from('#!/bin/sh\nreboot')],
    ['a web page', () => Buffer.from('<HTML><body onload=alert(1)>')],
    ['a script', () => Buffer.from('<?php eval($_POST[1]);')],
    ['a PDF', () => Buffer.from('%PDF-1.7 …')],
  ])('with %s behind it is two', async ([, make]) => {
    const both = Buffer.concat([await makePhoto({ format }), make()])
    expect(hasForeignContent(both, contentType)).toBe(true)
  })
})

it('what cameras append to a photo is no other kind of file', async () => {
  const film = Buffer.concat([Buffer.from('\x00\x00\x00\x18ftypmp42'), Buffer.alloc(5_000, 9)])
  for (const trailer of [film, await makePhoto(), Buffer.from('SEFH\x01SEFT'), Buffer.alloc(300)]) {
    expect(hasForeignContent(Buffer.concat([await makePhoto(), trailer]), 'image/jpeg')).toBe(false)
  }
})

it('a PDF with an archive at its end is two', async () => {
  const pdf = await makePdf()
  expect(hasForeignContent(pdf, 'application/pdf')).toBe(false)
  expect(hasForeignContent(Buffer.concat([pdf, zipOf('a', PROGRAM)]), 'application/pdf')).toBe(true)
})

it('bytes that make no sense are looked at without harm', () => {
  const types: ContentType[] = ['image/jpeg', 'image/png', 'image/webp', 'application/pdf']
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...types), (bytes, type) => {
      const jpeg = Buffer.concat([Buffer.of(0xff, 0xd8, 0xff), bytes])
      expect(typeof hasForeignContent(type === 'image/jpeg' ? jpeg : bytes, type)).toBe('boolean')
    }),
  )
})
