import { useEffect, useState } from 'preact/hooks'
import type { Page } from '../page.ts'
import { Connection } from './connection.tsx'
import { Counters } from './counters.tsx'
import { FindTrip } from './find-trip.tsx'
import { Legend } from './legend.tsx'
import { Notice } from './notice.tsx'
import { VehicleCard } from './vehicle-card.tsx'

/** Figures that change faster cannot be read. */
const REFRESH_MS = 500

export function App({ page }: { page: Page }) {
  const [view, setView] = useState(() => page.view())
  useEffect(() => {
    const refresh = () => setView(page.view())
    page.onChange = refresh
    const timer = setInterval(refresh, REFRESH_MS)
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === 'Escape' && page.view().sharedTripId === undefined) page.choose(undefined)
    }
    window.addEventListener('keydown', onKey)
    return () => {
      clearInterval(timer)
      window.removeEventListener('keydown', onKey)
    }
  }, [page])

  const isShared = view.sharedTripId !== undefined
  return (
    <>
      <section class="panel head" aria-label={isShared ? 'Shared trip' : 'Fleet'}>
        <div class="title">
          <h1>
            HushRyd <span>{isShared ? 'shared trip' : 'live'}</span>
          </h1>
          <Connection link={view.link} nowMs={view.nowMs} />
        </div>
        {!isShared && <Counters vehicles={view.vehicles} traffic={view.traffic} />}
        {!isShared && <FindTrip tripIds={view.tripIds} find={(tripId) => page.find(tripId)} />}
      </section>
      {view.chosen !== undefined && (
        <VehicleCard
          vehicle={view.chosen}
          ageMs={view.chosenAgeMs}
          isFollowing={view.isFollowing}
          onFollow={(isFollowing) => page.follow(isFollowing)}
          {...(isShared ? {} : { onClose: () => page.choose(undefined) })}
        />
      )}
      <Legend />
      <Notice
        link={view.link}
        isShared={isShared}
        isEmpty={view.vehicles === 0}
        onRetry={() => page.retryNow()}
      />
    </>
  )
}
