/** What of the world a canvas above the map shows, and where a place lies on it; north is up. */
import type { Point } from '../fleet/geo.ts'
import { isWithoutGpu } from './gpu.ts'

export interface Viewport {
  readonly centre: Point
  readonly zoom: number
  /** CSS pixels. */
  readonly width: number
  readonly height: number
}

export interface ScreenPoint {
  readonly x: number
  readonly y: number
}

export type ToScreen = (point: Point) => ScreenPoint

/** MapLibre's world is this wide at zoom 0. */
export const WORLD_PX = 512
/** Sharper screens than this cost more than they show. */
const PIXEL_RATIO_MAX = 2

export function projection({ centre, zoom, width, height }: Viewport): ToScreen {
  const worldPx = WORLD_PX * 2 ** zoom
  return ({ x, y }) => ({
    x: (x - centre.x) * worldPx + width / 2,
    y: (y - centre.y) * worldPx + height / 2,
  })
}

/** Device pixels that are drawn for a CSS pixel. */
export function pixelRatio(): number {
  return Math.min(PIXEL_RATIO_MAX, window.devicePixelRatio)
}

/** A canvas that lies above the map, and is nothing for screen readers. */
export function openOverlay(element: HTMLCanvasElement): CanvasRenderingContext2D {
  // What may be read often is kept and drawn in plain memory.
  const context = element.getContext('2d', { willReadFrequently: isWithoutGpu() })
  if (context === null) throw new Error('this browser draws no 2D canvas')
  element.className = 'vehicles'
  element.setAttribute('aria-hidden', 'true')
  return context
}

/** Empty, and as large and sharp as the screen needs it. */
export function clearOverlay(context: CanvasRenderingContext2D, { width, height }: Viewport): void {
  const ratio = pixelRatio()
  const { canvas } = context
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
}
