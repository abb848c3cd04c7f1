import { PDFDocument, PDFName } from '@cantoo/pdf-lib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { ACTIVE_PDFS, bombOf, makePdf, makePhoto } from '../testing/sample-files.ts'
import { judgePdf } from './content.ts'
import { createPdfReader } from './reader.ts'

const reader = createPdfReader()
afterAll(() => reader[Symbol.asyncDispose]())

describe.for([true, false])('a PDF whose objects are packed: %s', (useObjectStreams) => {
  it('with pages, a scan, a link and a signed form is plain', async () => {
    const photo = await makePhoto()
    const pdf = await makePdf(
      async (document) => {
        const image = await document.embedJpg(photo)
        document.addPage().drawImage(image)
        document.getForm().createTextField('signature')
        const link = {
          Type: 'Annot',
          Subtype: 'Link',
          Rect: [0, 0, 9, 9],
          A: { S: 'URI', URI: 'https://a.test' },
        }
        document.getPage(0).node.set(PDFName.of('Annots'), document.context.obj([link]))
      },
      { useObjectStreams },
    )
    expect(await judgePdf(pdf)).toBe('plain')
  })

  it.for(Object.entries(ACTIVE_PDFS))('with %s is active', async ([, change]) => {
    expect(await judgePdf(await makePdf(change, { useObjectStreams }))).toBe('active')
  })
})

it('an object that a later one has replaced is seen all the same', async () => {
  const pdf = await makePdf(undefined, { useObjectStreams: false })
  const hidden = Buffer.from(
    '\n77 0 obj\n<< /S /JavaScript /JS (app.alert\\(1\\)) >>\nendobj\n77 0 obj\n<< /S /GoTo >>\nendobj\n',
  )
  const at = pdf.indexOf('xref')
  expect(await judgePdf(Buffer.concat([pdf.subarray(0, at), hidden, pdf.subarray(at)]))).toBe('active')
})

it('a name in small hexadecimal letters is read as viewers read it', async () => {
  const pdf = await makePdf(undefined, { useObjectStreams: false })
  const at = pdf.indexOf('xref')
  const hidden = Buffer.from('\n77 0 obj\n<< /S /#4aava#53cript >>\nendobj\n')
  expect(await judgePdf(Buffer.concat([pdf.subarray(0, at), hidden, pdf.subarray(at)]))).toBe('active')
})

it('one that needs a password is told apart', async () => {
  const pdf = await makePdf((document) =>
    document.encrypt({ userPassword: 'secret', ownerPassword: 'secret' }),
  )
  expect(await judgePdf(pdf)).toBe('encrypted')
})

it.for([
  ['one stream', bombOf(300)],
  ['packed in two layers', bombOf(64, 2)],
  ['packed in three layers', bombOf(64, 3)],
] as const)('a bomb of %s is not unpacked', async ([, change]) => {
  const pdf = await makePdf(change)
  expect(pdf.length).toBeLessThan(2_000_000)
  expect(await reader.judge(pdf)).toBe('too_complex')
})

it('an image of more pixels than a page has is not unpacked either', async () => {
  const pdf = await makePdf(({ context }) => {
    const dict = { Type: 'XObject', Subtype: 'Image', Width: 60_000, Height: 60_000, Filter: 'DCTDecode' }
    context.register(context.stream(Buffer.alloc(10), dict))
  })
  expect(await reader.judge(pdf)).toBe('too_complex')
})

it('values nested without end are given up', async () => {
  const pdf = await makePdf(undefined, { useObjectStreams: false })
  const at = pdf.indexOf('xref')
  const deep = Buffer.from(`\n77 0 obj\n${'['.repeat(100_000)}${']'.repeat(100_000)}\nendobj\n`)
  expect(await reader.judge(Buffer.concat([pdf.subarray(0, at), deep, pdf.subarray(at)]))).not.toBe('plain')
})

it('what is no PDF, or half of one, is damaged; and the thread goes on after each', async () => {
  const pdf = await makePdf()
  expect(await reader.judge(Buffer.from('%PDF-1.7\nnothing'))).toBe('damaged')
  expect(await reader.judge(pdf.subarray(0, pdf.length / 2))).toBe('damaged')
  expect(await reader.judge(pdf)).toBe('plain')
})

it('changed bytes never end in an error of ours', async () => {
  const pdf = await makePdf(undefined, { useObjectStreams: false })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat({ max: pdf.length - 1 }), fc.nat({ max: 255 })), { maxLength: 20 }),
      async (changes) => {
        const changed = Buffer.from(pdf)
        for (const [at, byte] of changes) changed[at] = byte
        expect(['plain', 'active', 'damaged', 'too_complex', 'encrypted']).toContain(await judgePdf(changed))
      },
    ),
    { numRuns: 100 },
  )
})

it('the library still reads what it has written once it is bounded', async () => {
  const pdf = await makePdf()
  expect(await judgePdf(pdf)).toBe('plain')
  expect((await PDFDocument.load(pdf)).getPageCount()).toBe(1)
})
