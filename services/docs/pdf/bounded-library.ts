/**
 * The PDF library as it may be used on strangers' files: what any stream
 * unpacks to is bounded, and no object is lost from sight because a later one
 * has its number. Both hold for the whole thread.
 */
import {
  decodePDFRawStream,
  type PDFContext,
  PDFDocument,
  type PDFObject,
  PDFRawStream,
  type PDFRef,
} from '@cantoo/pdf-lib'

/** A file that takes more than is looked at. */
export class TooComplex extends Error {}

interface Decoder {
  ensureBuffer(requested: number): unknown
}

/** The prototype in the chain that has the method itself. */
function ownerOf(start: object, method: string): object {
  for (
    let prototype: object | null = start;
    prototype !== null;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    if (Object.hasOwn(prototype, method)) return prototype
  }
  throw new Error(`the PDF library has no ${method} any more, by which it is bounded here`)
}

/** All decoders grow their buffers by one method, through any chain of filters. */
function boundDecoders(context: PDFContext, bytesMax: number): void {
  const stream = PDFRawStream.of(context.obj({ Filter: 'FlateDecode' }), new Uint8Array([0x78, 0x9c]))
  const decoders = ownerOf(decodePDFRawStream(stream), 'ensureBuffer') as Decoder
  const grow = decoders.ensureBuffer
  decoders.ensureBuffer = function (requested) {
    if (requested > bytesMax) throw new TooComplex()
    return grow.call(this, requested)
  }
}

/** Later objects replace earlier ones of their number; which of them a viewer takes is the file's to say. */
function keepReplaced(context: PDFContext, replaced: PDFObject[]): void {
  const contexts = ownerOf(context, 'assign') as Pick<PDFContext, 'assign'>
  const assign = contexts.assign
  contexts.assign = function (this: PDFContext, ref: PDFRef, object: PDFObject) {
    const earlier = this.lookup(ref)
    if (earlier !== undefined) replaced.push(earlier)
    assign.call(this, ref, object)
  }
}

let replaced: PDFObject[] | undefined

/** Every object of the file, also those that nothing refers to. */
export async function readAllObjects(
  bytes: Uint8Array,
  { unpackedBytesMax }: { readonly unpackedBytesMax: number },
): Promise<{ readonly document: PDFDocument; readonly objects: readonly PDFObject[] }> {
  if (replaced === undefined) {
    replaced = []
    const { context } = await PDFDocument.create()
    boundDecoders(context, unpackedBytesMax)
    keepReplaced(context, replaced)
  }
  replaced.length = 0
  const document = await PDFDocument.load(bytes, {
    parseSpeed: Number.POSITIVE_INFINITY,
    updateMetadata: false,
    preserveXFA: true,
    // What the library cannot read, a more lenient viewer may.
    throwOnInvalidObject: true,
  })
  const { Root, Info } = document.context.trailerInfo
  const direct = [Root, Info].filter((object) => object !== undefined)
  const indirect = document.context.enumerateIndirectObjects().map(([, object]) => object)
  return { document, objects: [...indirect, ...direct, ...replaced] }
}
