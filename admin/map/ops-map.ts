/** A map with vehicles, crowds and alerts on it: the only place that knows MapLibre. */
import { Map as MapLibreMap, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'
import 'maplibre-gl/dist/maplibre-gl.css'
import type { Box } from '../../live/fleet/box.ts'
import type { Fleet } from '../../live/fleet/fleet.ts'
import { STALE_MS } from '../../live/fleet/freshness.ts'
import { type Place, toPlace, toPoint } from '../../live/fleet/geo.ts'
import type { Vehicle } from '../../live/fleet/vehicle.ts'
import { baseStyle } from '../../live/map/base-style.ts'
import { paintEveryMs } from '../../live/map/pace.ts'
import { DAY, NIGHT } from '../../live/map/palette.ts'
import { VehicleCanvas } from '../../live/map/vehicle-canvas.ts'
import type { Viewport } from '../../live/map/viewport.ts'
import { isNight } from '../shell/preferences.ts'
import { type Clustered, clusterAll, crowdZoom } from './cluster.ts'
import { CrowdCanvas, DAY_CROWD, NIGHT_CROWD } from './crowd-canvas.ts'

/** Where the demo drives. */
const HOME: [lng: number, lat: number] = [-122.4335, 37.772]
const HOME_ZOOM = 12
const ZOOM_MIN = 3
const ZOOM_MAX = 18
/** Near enough to see the streets around one vehicle. */
const NEAR_ZOOM = 14
/** A click on a crowd brings it this much nearer. */
const CROWD_ZOOM_STEP = 1.6
/** Crowds are counted anew this often; between, they stand still and their members are not drawn. */
const CROWD_EVERY_MS = 500
/** Nearer to an edge than this share of the map, a place is about to leave it. */
const EDGE_SHARE = 0.12
/** A centimetre. */
const SAME_PLACE_DEGREES = 1e-7

export interface OpsMapOptions {
  readonly container: HTMLElement
  readonly fleet: Fleet
  /** For screen readers. */
  readonly label: string
  readonly onMove?: () => void
  /** Undefined where nothing was clicked. */
  readonly onChoose?: (id: string | undefined) => void
  /** Someone took the map in hand. */
  readonly onDrag?: () => void
}

/** The last place and zoom of the map of all trips, for coming back to it. */
let lastView: { readonly center: Place; readonly zoom: number } | undefined

setWorkerUrl(workerUrl)

export class OpsMap {
  readonly #fleet: Fleet
  readonly #map: MapLibreMap
  readonly #vehicles = new VehicleCanvas()
  readonly #crowds = new CrowdCanvas()
  readonly #still = window.matchMedia('(prefers-reduced-motion: reduce)')
  readonly #stopTheme: () => void
  #crowd: Clustered<Vehicle> = { clusters: [], singles: [] }
  #crowdAtMs = 0
  #crowdZoom = 0
  #frame = 0
  #steppedAtMs = 0
  #hasShown = false
  /** The vehicle that is told apart from the others. */
  chosenId: string | undefined
  isFollowing = false
  /** Where alerts were raised. */
  pins: readonly Place[] = []

  constructor({ container, fleet, label, onMove, onChoose, onDrag }: OpsMapOptions) {
    this.#fleet = fleet
    this.#map = new MapLibreMap({
      container,
      style: baseStyle(this.#palette),
      center: onMove === undefined ? HOME : (lastView?.center ?? HOME),
      zoom: onMove === undefined ? HOME_ZOOM : (lastView?.zoom ?? HOME_ZOOM),
      minZoom: ZOOM_MIN,
      maxZoom: ZOOM_MAX,
      attributionControl: { compact: true },
      // The canvases above know only maps with north up, seen from above.
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      maxPitch: 0,
      locale: { 'Map.Title': label },
    })
    this.#map.touchZoomRotate.disableRotation()
    this.#map.keyboard.disableRotation()
    this.#map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right')
    this.#map.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-right')
    this.#map.getCanvasContainer().append(this.#vehicles.element, this.#crowds.element)
    this.#map.on('click', ({ point }) => this.#click(point.x, point.y, onChoose))
    this.#map.on('mousemove', ({ point }) => {
      const isOver =
        this.#vehicles.find(point.x, point.y) !== undefined ||
        this.#crowds.find(point.x, point.y) !== undefined
      this.#map.getCanvas().style.cursor = isOver ? 'pointer' : ''
    })
    if (onDrag !== undefined) this.#map.on('dragstart', onDrag)
    if (onMove !== undefined) {
      this.#map.on('moveend', () => {
        lastView = { center: this.#map.getCenter(), zoom: this.#map.getZoom() }
        onMove()
      })
    }
    // In step with the map while it moves; by the loop below while only vehicles do.
    this.#map.on('render', () => this.#draw())
    this.#stopTheme = isNight.subscribe(() => this.#map.setStyle(baseStyle(this.#palette)))
    const loop = (atMs: number) => {
      const everyMs = paintEveryMs(this.#map.getZoom(), this.#map.getCenter().lat)
      if (!this.#map.isMoving() && atMs - this.#steppedAtMs >= everyMs) {
        this.#steppedAtMs = atMs
        this.#step()
      }
      this.#frame = requestAnimationFrame(loop)
    }
    this.#frame = requestAnimationFrame(loop)
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

  goTo(place: Place): void {
    const zoom = Math.max(this.#map.getZoom(), NEAR_ZOOM)
    this.#map.easeTo({ center: place, zoom, duration: this.#still.matches ? 0 : 700 })
  }

  /** The first place that is known is what the map begins with. */
  showOnce(place: Place): void {
    if (this.#hasShown) return
    this.#hasShown = true
    this.#map.jumpTo({ center: place, zoom: NEAR_ZOOM })
  }

  /** Moves only where the place comes near an edge: a map that follows is painted for each frame. */
  keepInView({ lat, lng }: Place): void {
    const { x, y } = this.#map.project([lng, lat])
    const { clientWidth: width, clientHeight: height } = this.#map.getContainer()
    const isInside =
      x > width * EDGE_SHARE &&
      x < width * (1 - EDGE_SHARE) &&
      y > height * EDGE_SHARE &&
      y < height * (1 - EDGE_SHARE)
    if (!isInside) this.#map.easeTo({ center: { lat, lng }, duration: this.#still.matches ? 0 : 700 })
  }

  close(): void {
    cancelAnimationFrame(this.#frame)
    this.#stopTheme()
    this.#map.remove()
  }

  get #palette() {
    return isNight.value ? NIGHT : DAY
  }

  get #chosen(): Vehicle | undefined {
    return this.chosenId === undefined ? undefined : this.#fleet.vehicles.get(this.chosenId)
  }

  #click(x: number, y: number, onChoose: OpsMapOptions['onChoose']): void {
    const cluster = this.#crowds.find(x, y)
    if (cluster === undefined) {
      onChoose?.(this.#vehicles.find(x, y)?.tripId)
      return
    }
    const zoom = Math.min(ZOOM_MAX, this.#map.getZoom() + CROWD_ZOOM_STEP)
    this.#map.easeTo({ center: toPlace(cluster), zoom, duration: this.#still.matches ? 0 : 400 })
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

  /** Counting ten thousand takes longer than drawing what is left of them. */
  #countCrowds(zoom: number, nowMs: number): void {
    if (crowdZoom(zoom) === this.#crowdZoom && nowMs - this.#crowdAtMs < CROWD_EVERY_MS) return
    this.#crowdZoom = crowdZoom(zoom)
    this.#crowdAtMs = nowMs
    this.#crowd = clusterAll(this.#fleet.vehicles.values(), zoom, (vehicle) => {
      const { x, y } = vehicle.restingPose
      return { x, y, isStale: this.#fleet.ageMs(vehicle, nowMs) >= STALE_MS }
    })
  }

  #draw(): void {
    const nowMs = Date.now()
    const { clientWidth: width, clientHeight: height } = this.#map.getContainer()
    const viewport: Viewport = {
      centre: toPoint(this.#map.getCenter()),
      zoom: this.#map.getZoom(),
      width,
      height,
    }
    this.#countCrowds(viewport.zoom, nowMs)
    this.#vehicles.draw(viewport, {
      vehicles: this.#crowd.singles,
      chosen: this.#chosen,
      ageMs: (vehicle) => this.#fleet.ageMs(vehicle, nowMs),
      poseOf: (vehicle) => this.#poseOf(vehicle, nowMs),
      nowMs,
      palette: this.#palette,
    })
    this.#crowds.draw(viewport, {
      clusters: this.#crowd.clusters,
      pins: this.pins,
      colours: isNight.value ? NIGHT_CROWD : DAY_CROWD,
    })
  }
}
