/** Clusters and the places of alerts, on a canvas of their own above the vehicles. */
import { type Place, toPoint } from '../../live/fleet/geo.ts'
import {
  clearOverlay,
  openOverlay,
  projection,
  type ScreenPoint,
  type Viewport,
} from '../../live/map/viewport.ts'
import { type Cluster, countText } from './cluster.ts'

const RADIUS_MIN_PX = 15
const RADIUS_MAX_PX = 34
const PIN_RADIUS_PX = 8
const PIN_RING_PX = 15

export interface CrowdColours {
  readonly bubble: string
  readonly text: string
  readonly stale: string
  readonly alert: string
  readonly outline: string
}

export const DAY_CROWD: CrowdColours = {
  bubble: '#0b6b66',
  text: '#ffffff',
  stale: '#8b909b',
  alert: '#c4161c',
  outline: '#ffffff',
}

export const NIGHT_CROWD: CrowdColours = {
  bubble: '#2bb8a3',
  text: '#04211d',
  stale: '#7d8798',
  alert: '#ff5a5f',
  outline: '#0b0f17',
}

export interface Crowd {
  readonly clusters: readonly Cluster[]
  readonly pins: readonly Place[]
  readonly colours: CrowdColours
}

function radiusOf(count: number): number {
  return Math.min(RADIUS_MAX_PX, RADIUS_MIN_PX + Math.log10(count) * 5)
}

export class CrowdCanvas {
  readonly element = document.createElement('canvas')
  readonly #context = openOverlay(this.element)
  #drawn: { readonly cluster: Cluster; readonly at: ScreenPoint }[] = []
  #shown: (Viewport & Crowd) | undefined

  /** Nothing on it moves by itself: it is painted again only where what it shows is another. */
  draw(viewport: Viewport, crowd: Crowd): void {
    const { clusters, pins, colours } = crowd
    if (this.#shown !== undefined && isSame(this.#shown, { ...viewport, ...crowd })) return
    this.#shown = { ...viewport, ...crowd }
    clearOverlay(this.#context, viewport)
    const toScreen = projection(viewport)
    this.#drawn = []
    for (const cluster of clusters) {
      const at = toScreen(cluster)
      if (isOutside(at, viewport)) continue
      this.#drawn.push({ cluster, at })
      this.#drawCluster(cluster, at, colours)
    }
    for (const pin of pins) this.#drawPin(toScreen(toPoint(pin)), colours)
    this.element.hidden = this.#drawn.length + pins.length === 0
  }

  /** The cluster at a place of the screen. */
  find(x: number, y: number): Cluster | undefined {
    return this.#drawn.find(({ cluster, at }) => Math.hypot(at.x - x, at.y - y) <= radiusOf(cluster.count))
      ?.cluster
  }

  /** A ring around the number tells how many of them are stale. */
  #drawCluster({ count, stale }: Cluster, { x, y }: ScreenPoint, colours: CrowdColours): void {
    const context = this.#context
    const radius = radiusOf(count)
    context.beginPath()
    context.arc(x, y, radius, 0, 2 * Math.PI)
    context.fillStyle = colours.bubble
    context.fill()
    context.lineWidth = 3
    context.strokeStyle = colours.outline
    context.stroke()
    if (stale > 0) {
      context.beginPath()
      context.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + (2 * Math.PI * stale) / count)
      context.strokeStyle = colours.stale
      context.stroke()
    }
    context.fillStyle = colours.text
    context.font = '600 13px system-ui, sans-serif'
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    context.fillText(countText(count), x, y + 0.5)
  }

  #drawPin({ x, y }: ScreenPoint, colours: CrowdColours): void {
    const context = this.#context
    context.beginPath()
    context.arc(x, y, PIN_RING_PX, 0, 2 * Math.PI)
    context.lineWidth = 3
    context.strokeStyle = colours.alert
    context.stroke()
    context.beginPath()
    context.arc(x, y, PIN_RADIUS_PX, 0, 2 * Math.PI)
    context.fillStyle = colours.alert
    context.fill()
    context.lineWidth = 2
    context.strokeStyle = colours.outline
    context.stroke()
  }
}

function isSame(a: Viewport & Crowd, b: Viewport & Crowd): boolean {
  return (
    a.clusters === b.clusters &&
    a.pins === b.pins &&
    a.colours === b.colours &&
    a.zoom === b.zoom &&
    a.centre.x === b.centre.x &&
    a.centre.y === b.centre.y &&
    a.width === b.width &&
    a.height === b.height
  )
}

function isOutside({ x, y }: ScreenPoint, { width, height }: Viewport): boolean {
  return x < -RADIUS_MAX_PX || y < -RADIUS_MAX_PX || x > width + RADIUS_MAX_PX || y > height + RADIUS_MAX_PX
}
