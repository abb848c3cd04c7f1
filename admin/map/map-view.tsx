import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Fleet } from '../../live/fleet/fleet.ts'
import { STALE_MS } from '../../live/fleet/freshness.ts'
import { openAlerts } from '../alerts/alert-board.ts'
import { useRoom } from '../parts/use-room.ts'
import { goTo, route } from '../shell/navigate.ts'
import { Store } from '../store/store.ts'
import { useNow } from '../store/use-now.ts'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import { FindTrip } from './find-trip.tsx'
import { FleetWatch } from './fleet-watch.ts'
import { OpsMap } from './ops-map.ts'
import { TripCard } from './trip-card.tsx'

function choose(id: string | undefined): void {
  if (id !== undefined || route.value.id !== '') goTo({ view: 'map', id: id ?? '' })
}

interface MapParts {
  readonly map: OpsMap
  readonly watch: FleetWatch
}

/** Only a chosen trip's trail is shown, and that one is asked for. */
const TRAIL_POINTS_MAX = 30

/** Of a watch that is not there yet. */
const NOT_YET = new Store(false)

export function MapView() {
  const words = useWords()
  const room = useRoom()
  const { id } = useStore(route)
  const board = useStore(room.board)
  const container = useRef<HTMLDivElement>(null)
  const [fleet] = useState(() => new Fleet({ trailPointsMax: TRAIL_POINTS_MAX }))
  const [parts, setParts] = useState<MapParts>()
  const [isFollowing, setFollowing] = useState(false)
  const isDown = useStore(parts?.watch.isDown ?? NOT_YET)
  const isCaughtUp = useStore(parts?.watch.isCaughtUp ?? NOT_YET)
  useNow(Date.now)

  useEffect(() => {
    if (container.current === null) return undefined
    fleet.setClock(room.nowMs(), Date.now())
    const map: OpsMap = new OpsMap({
      container: container.current,
      fleet,
      label: words.map.label,
      onMove: () => watch.look(),
      onChoose: choose,
      onDrag: () => setFollowing(false),
    })
    const watch = new FleetWatch({
      operations: room.operations,
      fleet,
      visibleBox: () => map.visibleBox,
    })
    setParts({ map, watch })
    return () => {
      watch.close()
      map.close()
    }
  }, [])

  const pins = useMemo(() => openAlerts(board).flatMap(({ location }) => location ?? []), [board])

  if (parts !== undefined) {
    parts.map.chosenId = id === '' ? undefined : id
    parts.map.isFollowing = isFollowing
    parts.map.pins = pins
  }
  const chosen = id === '' ? undefined : fleet.vehicles.get(id)
  const follow = (isWanted: boolean) => {
    setFollowing(isWanted)
    if (isWanted && chosen !== undefined) parts?.map.goTo(chosen.fix)
  }
  return (
    <div class="map-view">
      <div ref={container} class="map" />
      <section class="panel map-head" aria-label={words.views.map}>
        <FleetCounters fleet={fleet} />
        <FindTrip
          tripIds={fleet.vehicles.keys()}
          find={(tripId) => {
            const vehicle = fleet.vehicles.get(tripId)
            if (vehicle === undefined) return false
            choose(tripId)
            parts?.map.goTo(vehicle.fix)
            return true
          }}
        />
        <p class="legend soft">
          {words.map.legendFresh} <span class="scale" aria-hidden="true" /> {words.map.legendStale}
        </p>
        <p class="warn" role="status">
          {isDown ? words.map.down : isCaughtUp && fleet.vehicles.size === 0 ? words.map.empty : ''}
        </p>
      </section>
      {id !== '' && (
        <TripCard
          key={id}
          tripId={id}
          fleet={fleet}
          isFollowing={isFollowing}
          onFollow={follow}
          onClose={() => choose(undefined)}
        />
      )}
    </div>
  )
}

function FleetCounters({ fleet }: { fleet: Fleet }) {
  const words = useWords()
  const nowMs = useNow(Date.now)
  let stale = 0
  for (const vehicle of fleet.vehicles.values()) if (fleet.ageMs(vehicle, nowMs) >= STALE_MS) stale += 1
  const { updatesPerSecond } = fleet.meter.read(nowMs)
  const figures: readonly (readonly [string, number, string])[] = [
    [words.map.inView, fleet.vehicles.size, 'in-view'],
    [words.map.stale, stale, 'stale'],
    [words.map.updates, Math.round(updatesPerSecond), 'updates'],
  ]
  return (
    <dl class="counters">
      {figures.map(([name, value, key]) => (
        <div key={key} data-counter={key}>
          <dt>{name}</dt>
          <dd class={key === 'stale' && value > 0 ? 'warn' : ''}>{value.toLocaleString(words.locale)}</dd>
        </div>
      ))}
    </dl>
  )
}
