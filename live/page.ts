/** Puts the page's parts together: link, fleet and map, and what the panels show of them. */
import { Fleet } from './fleet/fleet.ts'
import type { Traffic } from './fleet/traffic-meter.ts'
import type { Vehicle } from './fleet/vehicle.ts'
import { LiveMap } from './map/live-map.ts'
import { askForFleet, enterByShare, type ShareLink } from './socket/admission.ts'
import { FleetWatch } from './socket/fleet-watch.ts'
import { Link, type LinkState } from './socket/link.ts'
import { TripFollow } from './socket/trip-follow.ts'

export interface View {
  readonly link: LinkState
  readonly traffic: Traffic
  readonly vehicles: number
  readonly tripIds: readonly string[]
  readonly chosen: Vehicle | undefined
  readonly chosenAgeMs: number
  readonly isFollowing: boolean
  /** The trip of a share link; undefined on the map of all vehicles. */
  readonly sharedTripId: string | undefined
  readonly nowMs: number
}

export function readShareLink(search: string): ShareLink | undefined {
  const parameters = new URLSearchParams(search)
  const tripId = parameters.get('trip')
  const token = parameters.get('share')
  return tripId && token ? { tripId, token } : undefined
}

export class Page {
  readonly #fleet = new Fleet()
  readonly #share: ShareLink | undefined
  readonly #map: LiveMap
  readonly #link: Link
  #linkState: LinkState = { kind: 'connecting' }
  #hasShownTrip = false
  onChange: () => void = () => undefined

  constructor(container: HTMLElement, location: Location) {
    const share = readShareLink(location.search)
    this.#share = share
    const base = location.origin
    this.#link = new Link({
      renews: share === undefined,
      admit: (wasRefused) =>
        share === undefined ? askForFleet(base) : enterByShare(base, share, wasRefused),
      onWelcome: ({ serverTimeMs }) => {
        const nowMs = Date.now()
        this.#fleet.setClock(serverTimeMs, nowMs)
        feed.restart(nowMs)
      },
      onFrame: (frame) => {
        feed.receive(frame, Date.now())
        this.#showSharedTrip()
      },
      onState: (state) => {
        this.#linkState = state
        this.onChange()
      },
    })
    const parts = { fleet: this.#fleet, link: this.#link }
    const watch =
      share === undefined ? new FleetWatch({ ...parts, visibleBox: () => this.#map.visibleBox }) : undefined
    const feed = watch ?? new TripFollow({ ...parts, tripId: share?.tripId ?? '' })
    this.#map = new LiveMap({
      container,
      fleet: this.#fleet,
      onMove: () => watch?.look(),
      onChoose: (tripId) => share === undefined && this.choose(tripId),
      onDrag: () => this.follow(false),
    })
    this.#map.chosenTripId = share?.tripId
    this.#map.isFollowing = share !== undefined
    this.#link.start()
    window.addEventListener('online', () => this.#link.hurry())
  }

  choose(tripId: string | undefined): void {
    this.#map.chosenTripId = tripId
    this.#map.isFollowing = false
    this.onChange()
  }

  follow(isFollowing: boolean): void {
    if (this.#map.isFollowing === isFollowing) return
    this.#map.isFollowing = isFollowing
    const place = this.view().chosen?.fix
    if (isFollowing && place !== undefined) this.#map.goTo(place)
    this.onChange()
  }

  /** Chooses a trip by its id and goes there. */
  find(tripId: string): boolean {
    if (!this.#fleet.vehicles.has(tripId)) return false
    this.choose(tripId)
    this.follow(true)
    return true
  }

  retryNow(): void {
    this.#link.hurry()
  }

  view(): View {
    const nowMs = Date.now()
    const { vehicles, meter } = this.#fleet
    const { chosenTripId, isFollowing } = this.#map
    const chosen = chosenTripId === undefined ? undefined : vehicles.get(chosenTripId)
    return {
      link: this.#linkState,
      traffic: meter.read(nowMs),
      vehicles: vehicles.size,
      tripIds: [...vehicles.keys()],
      chosen,
      chosenAgeMs: chosen === undefined ? 0 : this.#fleet.ageMs(chosen, nowMs),
      isFollowing,
      sharedTripId: this.#share?.tripId,
      nowMs,
    }
  }

  #showSharedTrip(): void {
    if (this.#share === undefined || this.#hasShownTrip) return
    const vehicle = this.#fleet.vehicles.get(this.#share.tripId)
    if (vehicle === undefined) return
    this.#hasShownTrip = true
    this.#map.showAtOnce(vehicle.fix)
  }
}
