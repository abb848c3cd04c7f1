/**
 * Vehicles and the chosen one's trail, on a canvas of their own above the map:
 * they move sixty times a second while the map below is painted only when it
 * is itself moved.
 */
import { freshnessOf } from '../fleet/freshness.ts'
import { toPoint } from '../fleet/geo.ts'
import type { Pose } from '../fleet/motion.ts'
import type { Vehicle } from '../fleet/vehicle.ts'
import { freshnessColour, type Palette } from './palette.ts'
import {
  clearOverlay,
  openOverlay,
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

/** Steps between stale and fresh, each an image drawn once. */
const SHADES = 12
const SPRITE_PX = 64
const SPRITE_RADIUS = SPRITE_PX * 0.36
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

function drawArrow(context: CanvasRenderingContext2D, colour: string, outline: string): void {
  const r = SPRITE_RADIUS
  context.translate(SPRITE_PX / 2, SPRITE_PX / 2)
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

function sprite(colour: string, outline: string): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = SPRITE_PX
  canvas.height = SPRITE_PX
  const context = canvas.getContext('2d')
  if (context !== null) drawArrow(context, colour, outline)
  return canvas
}

/** A vehicle's size: near, an arrow that one can click; from afar, one of many. */
function arrowPx(zoom: number): number {
  return Math.min(30, Math.max(9, 9 + (zoom - 9) * 3.2))
}

export class VehicleCanvas {
  readonly element = document.createElement('canvas')
  readonly #context = openOverlay(this.element)
  #sprites: HTMLCanvasElement[] = []
  #chosenSprite: HTMLCanvasElement | undefined
  #palette: Palette | undefined
  /** Where each vehicle was last drawn, for clicks. */
  readonly #drawnAt = new Map<Vehicle, ScreenPoint>()

  draw(viewport: Viewport, scene: Scene): void {
    this.#prepare(viewport, scene.palette)
    const toScreen = projection(viewport)
    this.#drawnAt.clear()
    const { chosen } = scene
    if (chosen !== undefined) this.#drawTrail(chosen, toScreen, scene)
    const size = arrowPx(viewport.zoom)
    for (const vehicle of scene.vehicles) {
      if (vehicle === chosen) continue
      const pose = scene.poseOf(vehicle)
      const at = toScreen(pose)
      if (isOutside(at, viewport)) continue
      this.#drawnAt.set(vehicle, at)
      const shade = Math.round(freshnessOf(scene.ageMs(vehicle)) * SHADES)
      this.#drawVehicle(
        this.#sprites[shade],
        at,
        pose.heading,
        size,
        (scene.nowMs - vehicle.bornMs) / APPEAR_MS,
      )
    }
    if (chosen !== undefined) this.#drawChosen(chosen, toScreen, size, scene)
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

  #prepare(viewport: Viewport, palette: Palette): void {
    if (palette !== this.#palette) {
      this.#palette = palette
      this.#sprites = Array.from({ length: SHADES + 1 }, (_, shade) =>
        sprite(freshnessColour(palette, shade / SHADES), palette.outline),
      )
      this.#chosenSprite = sprite(`rgb(${palette.chosen.join(' ')})`, palette.outline)
    }
    clearOverlay(this.#context, viewport)
  }

  #drawVehicle(
    image: HTMLCanvasElement | undefined,
    at: ScreenPoint,
    heading: number,
    size: number,
    opacity: number,
  ): void {
    if (image === undefined) return
    const context = this.#context
    const px = (size * SPRITE_PX) / (2 * SPRITE_RADIUS)
    context.save()
    context.globalAlpha = Math.min(1, Math.max(0, opacity))
    context.translate(at.x, at.y)
    context.rotate((heading * Math.PI) / 180)
    context.drawImage(image, -px / 2, -px / 2, px, px)
    context.restore()
  }

  #drawChosen(vehicle: Vehicle, toScreen: ToScreen, size: number, { poseOf, palette }: Scene): void {
    const pose = poseOf(vehicle)
    const at = toScreen(pose)
    const chosenSize = Math.max(size * 1.25, 20)
    const context = this.#context
    context.beginPath()
    context.arc(at.x, at.y, chosenSize * 0.95, 0, Math.PI * 2)
    context.fillStyle = `rgb(${palette.chosen.join(' ')} / 0.2)`
    context.fill()
    this.#drawnAt.set(vehicle, at)
    this.#drawVehicle(this.#chosenSprite, at, pose.heading, chosenSize, 1)
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
