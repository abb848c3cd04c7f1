/** The map with the vehicles on it: the only place that knows MapLibre. */
import { Map as MapLibreMap, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import 'maplibre-gl/dist/maplibre-gl.css'
import type { Box } from '../fleet/box.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { type Place, toPlace, toPoint } from '../fleet/geo.ts'
import type { Vehicle } from '../fleet/vehicle.ts'
import { baseStyle } from './base-style.ts'
import { paintEveryMs } from './pace.ts'
import { DAY, NIGHT } from './palette.ts'
import { VehicleCanvas } from './vehicle-canvas.ts'

/** Where the demo drives. */
const HOME: [lng: number, lat: number] = [-122.4335, 37.772]
const HOME_ZOOM = 12.1
/** The same streets on a phone. */
const HOME_ZOOM_NARROW = 11.3
const NARROW_PX = 640
const ZOOM_MIN = 3
const ZOOM_MAX = 18
/** A centimetre. */
const SAME_PLACE_DEGREES = 1e-7
/** Near enough to see the streets around one vehicle. */
const FOLLOW_ZOOM = 14

export interface LiveMapOptions {
  readonly container: HTMLElement
  readonly fleet: Fleet
  readonly onMove: () => void
  /** Undefined where nothing was clicked. */
  readonly onChoose: (tripId: string | undefined) => void
  /** Someone took the map in hand. */
  readonly onDrag: () => void
}

setWorkerUrl(workerUrl)

export class LiveMap {
  readonly #fleet: Fleet
  readonly #map: MapLibreMap
  readonly #canvas = new VehicleCanvas()
  readonly #night = window.matchMedia('(prefers-color-scheme: dark)')
  readonly #still = window.matchMedia('(prefers-reduced-motion: reduce)')
  /** The vehicle that is told apart from the others. */
  chosenTripId: string | undefined
  isFollowing = false

  constructor({ container, fleet, onMove, onChoose, onDrag }: LiveMapOptions) {
    this.#fleet = fleet
    this.#map = new MapLibreMap({
      container,
      style: baseStyle(this.#palette),
      center: HOME,
      zoom: container.clientWidth < NARROW_PX ? HOME_ZOOM_NARROW : HOME_ZOOM,
      minZoom: ZOOM_MIN,
      maxZoom: ZOOM_MAX,
      hash: 'map',
      attributionControl: { compact: true },
      // The canvas above knows only maps with north up, seen from above.
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      maxPitch: 0,
      locale: { 'Map.Title': 'Live map of vehicles. Arrow keys move it, plus and minus zoom.' },
    })
    this.#map.touchZoomRotate.disableRotation()
    this.#map.keyboard.disableRotation()
    this.#map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right')
    this.#map.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-right')
    this.#map.getCanvasContainer().append(this.#canvas.element)
    this.#map.on('moveend', onMove)
    this.#map.on('dragstart', onDrag)
    this.#map.on('click', ({ point }) => onChoose(this.#canvas.find(point.x, point.y)?.tripId))
    this.#map.on('mousemove', ({ point }) => {
      const isOver = this.#canvas.find(point.x, point.y) !== undefined
      this.#map.getCanvas().style.cursor = isOver ? 'pointer' : ''
    })
    // In step with the map while it moves; by the loop below while only vehicles do.
    this.#map.on('render', () => this.#draw())
    this.#night.addEventListener('change', () => this.#map.setStyle(baseStyle(this.#palette)))
    let steppedAtMs = 0
    const loop = (atMs: number) => {
      const everyMs = paintEveryMs(this.#map.getZoom(), this.#map.getCenter().lat)
      if (!this.#map.isMoving() && atMs - steppedAtMs >= everyMs) {
        steppedAtMs = atMs
        this.#step()
      }
      requestAnimationFrame(loop)
    }
    requestAnimationFrame(loop)
  }

  get visibleBox(): Box {
    const bounds = this.#map.getBounds()
    return {
      south: bounds.getSouth(),
      west: bounds.getWest(),
      north: bounds.getNorth(),
      east: bounds.getEast(),
    }
  }

  /** Near enough to follow it; once there, following is the loop's work. */
  goTo(place: Place): void {
    this.#map.easeTo({ center: place, zoom: Math.max(this.#map.getZoom(), FOLLOW_ZOOM), duration: 900 })
  }

  showAtOnce(place: Place): void {
    this.#map.jumpTo({ center: place, zoom: FOLLOW_ZOOM })
  }

  get #palette() {
    return this.#night.matches ? NIGHT : DAY
  }

  get #chosen(): Vehicle | undefined {
    return this.chosenTripId === undefined ? undefined : this.#fleet.vehicles.get(this.chosenTripId)
  }

  #poseOf(vehicle: Vehicle, nowMs: number) {
    return this.#still.matches ? vehicle.restingPose : vehicle.poseAt(nowMs)
  }

  #step(): void {
    const chosen = this.#chosen
    if (chosen !== undefined && this.isFollowing) this.#centre(toPlace(this.#poseOf(chosen, Date.now())))
    this.#draw()
  }

  /** A map that is there already is not painted again. */
  #centre({ lat, lng }: Place): void {
    const { lat: latNow, lng: lngNow } = this.#map.getCenter()
    if (Math.abs(lat - latNow) + Math.abs(lng - lngNow) < SAME_PLACE_DEGREES) return
    this.#map.jumpTo({ center: { lat, lng } })
  }

  #draw(): void {
    const nowMs = Date.now()
    const { clientWidth: width, clientHeight: height } = this.#map.getContainer()
    const viewport = { centre: toPoint(this.#map.getCenter()), zoom: this.#map.getZoom(), width, height }
    this.#canvas.draw(viewport, {
      vehicles: this.#fleet.vehicles.values(),
      chosen: this.#chosen,
      ageMs: (vehicle) => this.#fleet.ageMs(vehicle, nowMs),
      poseOf: (vehicle) => this.#poseOf(vehicle, nowMs),
      nowMs,
      palette: this.#palette,
    })
  }
}
