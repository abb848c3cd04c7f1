import { useEffect, useState } from 'preact/hooks'
import type { Fleet } from '../../live/fleet/fleet.ts'
import { STALE_MS, speedText } from '../../live/fleet/freshness.ts'
import { Vehicle } from '../../live/fleet/vehicle.ts'
import { lengthText } from '../../live/panel/way-length.ts'
import { openAlerts } from '../alerts/alert-board.ts'
import type { Position } from '../generated/types.ts'
import { Problem } from '../parts/problem.tsx'
import { useRoom } from '../parts/use-room.ts'
import { goTo } from '../shell/navigate.ts'
import { useNow } from '../store/use-now.ts'
import { usePoll } from '../store/use-poll.ts'
import { useStore } from '../store/use-store.ts'
import { agoText } from '../words/time.ts'
import { useWords } from '../words/words.ts'

const PEOPLE_EVERY_MS = 30_000
const LOOK_BACK_MS = 60 * 60_000

interface Props {
  readonly tripId: string
  readonly fleet: Fleet
  readonly isFollowing: boolean
  readonly onFollow: (isFollowing: boolean) => void
  readonly onClose: () => void
}

/** The way of the last hour goes before what this page has seen itself. */
function giveTrail(fleet: Fleet, tripId: string, positions: readonly Position[]): void {
  const [first, ...rest] = positions
  const seen = fleet.vehicles.get(tripId)
  if (first === undefined || seen === undefined) return
  const vehicle = new Vehicle(tripId, first, seen.bornMs)
  for (const position of rest) vehicle.acceptPast(position, Date.now())
  vehicle.acceptPast(seen.fix, Date.now())
  fleet.vehicles.set(tripId, vehicle)
}

export function TripCard({ tripId, fleet, isFollowing, onFollow, onClose }: Props) {
  const words = useWords()
  const { operations, nowMs, board } = useRoom()
  const deviceMs = useNow(Date.now)
  const [problem, setProblem] = useState('')
  const alerts = openAlerts(useStore(board)).filter((alert) => alert.tripId === tripId)
  const people = usePoll(() => operations.call.directory.getTrip({ tripId }), PEOPLE_EVERY_MS, tripId)
  const vehicle = fleet.vehicles.get(tripId)
  const isThere = vehicle !== undefined

  useEffect(() => {
    if (!isThere) return
    operations.call.location.getTrail({ tripId, fromMs: nowMs() - LOOK_BACK_MS }).then(
      ({ updates }) => giveTrail(fleet, tripId, updates),
      ({ message }: Error) => setProblem(message),
    )
  }, [isThere, tripId, operations, nowMs, fleet])

  const ageMs = vehicle === undefined ? 0 : fleet.ageMs(vehicle, deviceMs)
  return (
    <section class="panel card" aria-label={`${words.alerts.trip} ${tripId}`}>
      <header>
        <h2>{tripId}</h2>
        <button type="button" class="quiet" aria-label={words.map.close} onClick={onClose}>
          ✕
        </button>
      </header>
      {alerts.map(({ alertId, userId }) => (
        <button
          key={alertId}
          type="button"
          class="danger"
          onClick={() => goTo({ view: 'alerts', id: alertId })}
        >
          {words.map.alert}: {userId}
        </button>
      ))}
      {vehicle === undefined ? (
        <p class="soft">{words.map.missing}</p>
      ) : (
        <>
          <dl class="facts">
            <div>
              <dt>{words.map.speed}</dt>
              <dd>{speedText(vehicle.fix.speed)}</dd>
            </div>
            <div>
              <dt>{words.map.heading}</dt>
              <dd>{words.map.compass[Math.round(vehicle.fix.heading / 45) % 8]}</dd>
            </div>
            <div>
              <dt>{words.map.position}</dt>
              <dd class={ageMs >= STALE_MS ? 'bad' : ''}>{agoText(ageMs, words)}</dd>
            </div>
            <div>
              <dt>{words.map.trail}</dt>
              <dd data-trail>{lengthText(vehicle.trail.points)}</dd>
            </div>
          </dl>
          <button type="button" aria-pressed={isFollowing} onClick={() => onFollow(!isFollowing)}>
            {isFollowing ? words.map.following : words.map.follow}
          </button>
        </>
      )}
      <h3>{words.map.people}</h3>
      <dl class="facts">
        <div>
          <dt>{words.map.driver}</dt>
          <dd>{people.value?.driverId ?? words.map.unknown}</dd>
        </div>
        <div>
          <dt>{words.map.passengers}</dt>
          <dd>{people.value?.passengerIds.join(', ') || words.map.unknown}</dd>
        </div>
      </dl>
      <Problem text={problem} />
    </section>
  )
}
