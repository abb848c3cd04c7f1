/**
 * Vehicles and the chosen one's trail, on a canvas of their own above the map:
 * they move while the map below is painted only when it is itself moved.
 */
import { freshnessOf } from '../fleet/freshness.ts'
import { toPoint } from '../fleet/geo.ts'
import type { Pose } from '../fleet/motion.ts'
import type { Vehicle } from '../fleet/vehicle.ts'
import { ArrowSprites } from './arrow-sprites.ts'
import { freshnessColour, type Palette } from './palette.ts'
import {
  clearOverlay,
  openOverlay,
  pixelRatio,
  projection,
  type ScreenPoint,
  type ToScreen,
  type Viewport,
} from './viewport.ts'

export interface Scene {
  readonly vehicles: Iterable<Vehicle>
  readonly chosen: Vehicle | undefined
  readonly ageMs: (vehicle: Vehicle) => number
  readonly poseOf: (vehicle: Vehicle) => Pose
  readonly nowMs: number
  readonly palette: Palette
}

/** Steps between stale and fresh. */
const SHADES = 12
const APPEAR_MS = 400
/** A soft band, and the line on it. */
const TRAIL_STROKES = [
  { width: 11, opacity: 0.18 },
  { width: 3.5, opacity: 0.95 },
]
/** How near a click has to be. */
const HIT_RADIUS_PX = 22
/** Room around the edges in which a vehicle still shows. */
const MARGIN_PX = 30

/** A vehicle's size: near, an arrow that one can click; from afar, one of many. */
function arrowPx(zoom: number): number {
  return Math.round(Math.min(30, Math.max(9, 9 + (zoom - 9) * 3.2)))
}

function chosenPx(zoom: number): number {
  return Math.round(Math.max(arrowPx(zoom) * 1.25, 20))
}

function opaque(rgb: readonly number[]): string {
  return `rgb(${rgb.join(' ')})`
}

export class VehicleCanvas {
  readonly element = document.createElement('canvas')
  readonly #context = openOverlay(this.element)
  #arrows: { readonly all: ArrowSprites; readonly chosen: ArrowSprites } | undefined
  #palette: Palette | undefined
  /** Where each vehicle was last drawn, for clicks. */
  readonly #drawnAt = new Map<Vehicle, ScreenPoint>()

  draw(viewport: Viewport, scene: Scene): void {
    const arrows = this.#arrowsFor(viewport.zoom, scene.palette)
    clearOverlay(this.#context, viewport)
    const toScreen = projection(viewport)
    this.#drawnAt.clear()
    const { chosen } = scene
    if (chosen !== undefined) this.#drawTrail(chosen, toScreen, scene)
    for (const vehicle of scene.vehicles) {
      if (vehicle === chosen) continue
      const pose = scene.poseOf(vehicle)
      const at = toScreen(pose)
      if (isOutside(at, viewport)) continue
      this.#drawnAt.set(vehicle, at)
      this.#context.globalAlpha = Math.min(1, Math.max(0, (scene.nowMs - vehicle.bornMs) / APPEAR_MS))
      const colour = Math.round(freshnessOf(scene.ageMs(vehicle)) * SHADES)
      arrows.all.draw(this.#context, { ...at, colour, heading: pose.heading })
    }
    this.#context.globalAlpha = 1
    if (chosen !== undefined) this.#drawChosen(chosen, toScreen, arrows.chosen, scene)
    // Also an empty canvas is blended into each picture of the page.
    this.element.hidden = this.#drawnAt.size === 0
  }

  /** The vehicle at a place of the screen. */
  find(x: number, y: number): Vehicle | undefined {
    let nearest: Vehicle | undefined
    let nearestPx = HIT_RADIUS_PX
    for (const [vehicle, at] of this.#drawnAt) {
      const px = Math.hypot(at.x - x, at.y - y)
      if (px > nearestPx) continue
      nearest = vehicle
      nearestPx = px
    }
    return nearest
  }

  #arrowsFor(zoom: number, palette: Palette) {
    const ratio = pixelRatio()
    const sizePx = arrowPx(zoom)
    const before = this.#arrows
    if (
      before !== undefined &&
      palette === this.#palette &&
      before.all.look.sizePx === sizePx &&
      before.all.look.ratio === ratio
    )
      return before
    before?.all.close()
    before?.chosen.close()
    const colours = Array.from({ length: SHADES + 1 }, (_, shade) => freshnessColour(palette, shade / SHADES))
    const common = { outline: palette.outline, ratio }
    const arrows = {
      all: new ArrowSprites({ ...common, colours, sizePx }),
      chosen: new ArrowSprites({ ...common, colours: [opaque(palette.chosen)], sizePx: chosenPx(zoom) }),
    }
    this.#palette = palette
    this.#arrows = arrows
    return arrows
  }

  #drawChosen(vehicle: Vehicle, toScreen: ToScreen, arrow: ArrowSprites, { poseOf, palette }: Scene): void {
    const pose = poseOf(vehicle)
    const at = toScreen(pose)
    const context = this.#context
    context.beginPath()
    context.arc(at.x, at.y, arrow.look.sizePx * 0.95, 0, Math.PI * 2)
    context.fillStyle = `rgb(${palette.chosen.join(' ')} / 0.2)`
    context.fill()
    this.#drawnAt.set(vehicle, at)
    arrow.draw(context, { ...at, colour: 0, heading: pose.heading })
  }

  #drawTrail(vehicle: Vehicle, toScreen: ToScreen, { poseOf, palette }: Scene): void {
    const { points } = vehicle.trail
    const path = new Path2D()
    for (const [index, point] of points.entries()) {
      // The newest point is where the vehicle is gliding to: the line ends at the vehicle instead.
      const at = toScreen(index === points.length - 1 ? poseOf(vehicle) : toPoint(point))
      if (point.isBreak) path.moveTo(at.x, at.y)
      else path.lineTo(at.x, at.y)
    }
    const context = this.#context
    context.lineCap = 'round'
    context.lineJoin = 'round'
    for (const { width, opacity } of TRAIL_STROKES) {
      context.lineWidth = width
      context.strokeStyle = `rgb(${palette.chosen.join(' ')} / ${opacity})`
      context.stroke(path)
    }
  }
}

function isOutside({ x, y }: ScreenPoint, { width, height }: Viewport): boolean {
  return x < -MARGIN_PX || y < -MARGIN_PX || x > width + MARGIN_PX || y > height + MARGIN_PX
}
