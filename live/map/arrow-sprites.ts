/**
 * Arrows as images that are ready to be copied: one for each colour and each
 * way to point, at the very size and sharpness of the screen. Turning and
 * scaling an image for each vehicle and picture takes a machine without a GPU
 * several times as long as copying one.
 */

/** Every 7.5 degrees: less is not seen at these sizes. */
const HEADINGS = 48
/** Of the arrow's size, so that it stays inside however it is turned. */
const BOX_SHARE = 1.42

export interface ArrowLook {
  readonly colours: readonly string[]
  readonly outline: string
  /** CSS pixels, from tip to tail. */
  readonly sizePx: number
  /** Device pixels in a CSS pixel. */
  readonly ratio: number
}

export class ArrowSprites {
  readonly look: ArrowLook
  /** Device pixels. */
  readonly #boxPx: number
  /** Drawn when first needed: a moving zoom goes through many sizes. */
  readonly #images: (ImageBitmap | undefined)[] = []

  constructor(look: ArrowLook) {
    this.look = look
    this.#boxPx = Math.ceil(look.sizePx * BOX_SHARE * look.ratio)
  }

  /** Around a place in CSS pixels, on whole device pixels: anything between would be blended anew each time. */
  draw(
    context: CanvasRenderingContext2D,
    { x, y, colour, heading }: { x: number; y: number; colour: number; heading: number },
  ): void {
    const { ratio } = this.look
    const left = Math.round(x * ratio - this.#boxPx / 2) / ratio
    const top = Math.round(y * ratio - this.#boxPx / 2) / ratio
    const px = this.#boxPx / ratio
    context.drawImage(this.#imageOf(colour, heading), left, top, px, px)
  }

  close(): void {
    for (const image of this.#images) image?.close()
  }

  #imageOf(colour: number, heading: number): ImageBitmap {
    const step = Math.round((heading * HEADINGS) / 360) % HEADINGS
    const at = colour * HEADINGS + step
    const image = this.#images[at] ?? this.#paint(this.look.colours[colour] ?? '', (step * 360) / HEADINGS)
    this.#images[at] = image
    return image
  }

  #paint(colour: string, heading: number): ImageBitmap {
    const canvas = new OffscreenCanvas(this.#boxPx, this.#boxPx)
    const context = canvas.getContext('2d')
    if (context === null) throw new Error('this browser draws no 2D canvas')
    context.translate(this.#boxPx / 2, this.#boxPx / 2)
    context.rotate((heading * Math.PI) / 180)
    drawArrow(context, { colour, outline: this.look.outline, r: (this.look.sizePx * this.look.ratio) / 2 })
    return canvas.transferToImageBitmap()
  }
}

interface Arrow {
  readonly colour: string
  readonly outline: string
  /** From the middle to the tip. */
  readonly r: number
}

/** Upward, around the origin. */
function drawArrow(context: OffscreenCanvasRenderingContext2D, { colour, outline, r }: Arrow): void {
  context.beginPath()
  context.moveTo(0, -r)
  context.lineTo(r * 0.72, r * 0.82)
  context.quadraticCurveTo(0, r * 0.34, -r * 0.72, r * 0.82)
  context.closePath()
  context.lineJoin = 'round'
  context.lineWidth = r * 0.42
  context.strokeStyle = outline
  context.stroke()
  context.lineWidth = r * 0.12
  context.fillStyle = colour
  context.strokeStyle = colour
  context.fill()
  context.stroke()
}
