/** Files as people and attackers upload them, made here. */
import { createHash } from 'node:crypto'
import { crc32, deflateRawSync, deflateSync } from 'node:zlib'
import { PDFDocument, PDFName, PDFRawStream, PDFString } from '@cantoo/pdf-lib'
import sharp from 'sharp'

/** In halves, so that scanners of a developer's machine let this file be. */
export const EICAR = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join(''),
)

export const PROGRAM = Buffer.concat([Buffer.from('MZ\x90\x00\x03'), Buffer.alloc(600, 7)])

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export interface PhotoOptions {
  readonly width?: number
  readonly height?: number
  readonly format?: 'jpeg' | 'png' | 'webp'
  /** Another one for each: no two photos are alike. */
  readonly seed?: number
}

/** Taken somewhere, by a phone that was held upright: with a place, and turned by a quarter. */
export async function makePhoto(options: PhotoOptions = {}): Promise<Buffer> {
  const { width = 96, height = 64, format = 'jpeg', seed = Math.random() } = options
  const noise = { type: 'gaussian', mean: 60 + 120 * seed, sigma: 30 } as const
  return await sharp({ create: { width, height, channels: 3, background: '#888888', noise } })
    .withExif({
      IFD0: { Make: 'PhoneMaker', ImageDescription: `photo ${seed}` },
      IFD3: {
        GPSLatitudeRef: 'N',
        GPSLatitude: '17/1 23/1 0/1',
        GPSLongitudeRef: 'E',
        GPSLongitude: '78/1 29/1 0/1',
      },
    })
    .withMetadata({ orientation: 6 })
    .toFormat(format, format === 'jpeg' ? { quality: 90 } : {})
    .toBuffer()
}

export type PdfChange = (document: PDFDocument) => Promise<void> | void

/** A page with a line of text, and what the change adds. */
export async function makePdf(
  change: PdfChange = () => undefined,
  { useObjectStreams = true }: { readonly useObjectStreams?: boolean } = {},
): Promise<Buffer> {
  const document = await PDFDocument.create()
  document
    .addPage([400, 300])
    .drawText(`Certificate of registration ${Math.random()}`, { x: 40, y: 150, size: 16 })
  await change(document)
  return Buffer.from(await document.save({ useObjectStreams }))
}

/** Each a PDF that does more than show pages. */
export const ACTIVE_PDFS: Readonly<Record<string, PdfChange>> = {
  'a script that runs when it is opened': ({ catalog, context }) => {
    catalog.set(PDFName.of('OpenAction'), context.obj({ S: 'JavaScript', JS: PDFString.of('app.alert(1)') }))
  },
  'a named script': (document) => document.addJavaScript('main', 'app.alert(1)'),
  'a program that it launches': ({ catalog, context }) => {
    catalog.set(PDFName.of('OpenAction'), context.obj({ S: 'Launch', F: PDFString.of('cmd.exe') }))
  },
  'an attachment': async (document) => {
    await document.attach(PROGRAM, 'invoice.exe', { mimeType: 'application/octet-stream' })
  },
  'an action of a page': (document) => {
    const action = document.context.obj({ O: { S: 'URI', URI: PDFString.of('https://x.test') } })
    document.getPage(0).node.set(PDFName.of('AA'), action)
  },
  'a form of XFA': ({ catalog, context }) => {
    catalog.set(PDFName.of('AcroForm'), context.obj({ Fields: [], XFA: PDFString.of('<xdp/>') }))
  },
  'rich media': ({ context }) => void context.register(context.obj({ Type: 'Annot', Subtype: 'RichMedia' })),
  'a name that is written by codes': ({ catalog, context }) => {
    catalog.set(PDFName.of('OpenAction'), context.obj({ S: PDFName.of('Java#53cript') }))
  },
}

/** Streams of zeros: a megabyte packs into a kilobyte. */
export function bombOf(megabytes: number, layers = 1): PdfChange {
  return ({ context }) => {
    let bytes: Uint8Array = Buffer.alloc(megabytes * 1024 * 1024)
    for (let layer = 0; layer < layers; layer += 1) bytes = deflateSync(bytes, { level: 9 })
    const filters = Array.from({ length: layers }, () => 'FlateDecode')
    context.register(PDFRawStream.of(context.obj({ Filter: filters, Length: bytes.length }), bytes))
  }
}

/** An archive with one file, as `zip` writes it. */
export function zipOf(name: string, content: Uint8Array): Buffer {
  const packed = deflateRawSync(content, { level: 9 })
  const title = Buffer.from(name)
  const facts = Buffer.alloc(22)
  facts.writeUInt16LE(20, 0)
  facts.writeUInt16LE(8, 4)
  facts.writeUInt32LE(crc32(content), 10)
  facts.writeUInt32LE(packed.length, 14)
  facts.writeUInt32LE(content.length, 18)
  const lengths = Buffer.alloc(4)
  lengths.writeUInt16LE(title.length, 0)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), facts, lengths, title, packed])
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02'),
    Buffer.from([20, 0]),
    facts,
    lengths,
    Buffer.alloc(14),
    title,
  ])
  const end = Buffer.alloc(18)
  end.writeUInt16LE(1, 4)
  end.writeUInt16LE(1, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(local.length, 12)
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end])
}

/** Forty kilobytes that unpack to as many megabytes. */
export function zipBomb(): Buffer {
  return zipOf('bomb', Buffer.alloc(40 * 1024 * 1024))
}
