import { ageText, compassText, STALE_MS, speedText } from '../fleet/freshness.ts'
import type { Vehicle } from '../fleet/vehicle.ts'
import { Arrow } from './arrow.tsx'
import { lengthText } from './way-length.ts'

interface Props {
  readonly vehicle: Vehicle
  readonly ageMs: number
  readonly isFollowing: boolean
  readonly onFollow: (isFollowing: boolean) => void
  /** Absent where the vehicle is what the page is about. */
  readonly onClose?: () => void
}

export function VehicleCard({ vehicle, ageMs, isFollowing, onFollow, onClose }: Props) {
  const { fix, trail, tripId } = vehicle
  const isStale = ageMs >= STALE_MS
  return (
    <section class="panel card" aria-label={`Trip ${tripId}`}>
      <header>
        <div>
          <p class="eyebrow">Trip</p>
          <h2>{tripId}</h2>
        </div>
        {onClose !== undefined && (
          <button type="button" class="close" aria-label="Close" onClick={onClose}>
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
              <path d="M3 3l10 10M13 3L3 13" />
            </svg>
          </button>
        )}
      </header>
      <p class="speed">
        <span class="value">{speedText(fix.speed)}</span>
        <span class="heading">
          <Arrow heading={fix.heading} />
          {compassText(fix.heading)} · {Math.round(fix.heading)}°
        </span>
      </p>
      <dl>
        <div>
          <dt>Position</dt>
          <dd class={isStale ? 'stale' : ''}>{ageText(ageMs)}</dd>
        </div>
        <div>
          <dt>Trail seen here</dt>
          <dd>{lengthText(trail.points)}</dd>
        </div>
      </dl>
      <button type="button" class="follow" aria-pressed={isFollowing} onClick={() => onFollow(!isFollowing)}>
        {isFollowing ? 'Following' : 'Follow'}
      </button>
    </section>
  )
}
