/**
 * A photo as it is stored: decoded, turned upright, encoded anew as a JPEG
 * without any metadata. Where and when it was taken, by which phone, and
 * whatever else a file can carry besides its pixels, ends here.
 */
import sharp from 'sharp'
import { WorkBudget } from './work-budget.ts'

export interface StoredImage {
  readonly bytes: Buffer
  readonly thumbnail: Buffer
}

export type ImageResult =
  | { readonly kind: 'image'; readonly image: StoredImage }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'too_complex' }

/** Enough to read the smallest print of a licence. */
const SIDE_PX_MAX = 2_400
const QUALITY = 85
const THUMBNAIL_PX = 320
const THUMBNAIL_QUALITY = 75
const SIDE_PX_OF_ANY_MAX = 16_384

// Several files are worked on at once: a thread each is enough, and no pixels are kept.
sharp.concurrency(1)
sharp.cache(false)

/** Before anything is decoded; undefined where the header makes no sense. */
async function measure(bytes: Uint8Array): Promise<number | undefined> {
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata()
    return Math.max(width, height) > SIDE_PX_OF_ANY_MAX ? Number.POSITIVE_INFINITY : width * height
  } catch {
    return undefined
  }
}

async function renew(bytes: Uint8Array, pixelsMax: number): Promise<ImageResult> {
  try {
    const stored = await sharp(bytes, { limitInputPixels: pixelsMax, failOn: 'error' })
      .autoOrient()
      .resize(SIDE_PX_MAX, SIDE_PX_MAX, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColorspace('srgb')
      .jpeg({ quality: QUALITY })
      .toBuffer()
    const thumbnail = await sharp(stored)
      .resize(THUMBNAIL_PX, THUMBNAIL_PX, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: THUMBNAIL_QUALITY })
      .toBuffer()
    return { kind: 'image', image: { bytes: stored, thumbnail } }
  } catch {
    // libvips tells what is wrong with a file as text alone; that it cannot be read is all that counts.
    return { kind: 'damaged' }
  }
}

export type RenewImage = (bytes: Uint8Array) => Promise<ImageResult>

/** `pixelsMax` bounds one image, and all that are unpacked at once together. */
export function createImageRenewal({ pixelsMax }: { readonly pixelsMax: number }): RenewImage {
  const budget = new WorkBudget(pixelsMax)
  return async (bytes) => {
    const pixels = await measure(bytes)
    if (pixels === undefined) return { kind: 'damaged' }
    if (pixels > pixelsMax) return { kind: 'too_complex' }
    return await budget.run(pixels, () => renew(bytes, pixelsMax))
  }
}
