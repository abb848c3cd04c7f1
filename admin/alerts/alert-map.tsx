import { useEffect, useRef, useState } from 'preact/hooks'
import { Fleet } from '../../live/fleet/fleet.ts'
import type { Alert, Position } from '../generated/types.ts'
import { keepStream } from '../link/keep-stream.ts'
import { OpsMap } from '../map/ops-map.ts'
import { Age } from '../parts/age.tsx'
import { useRoom } from '../parts/use-room.ts'
import { useWords } from '../words/words.ts'

interface Props {
  readonly alert: Alert
  /** Since shortly before the alert. */
  readonly trail: readonly Position[]
}

/** Answers that time does not change. */
const FINAL = new Set(['TRIP_ENDED', 'TRIP_NOT_FOUND'])

/** Where the alert was raised, the way since, and where its trip is now. */
export function AlertMap({ alert: { tripId, location }, trail }: Props) {
  const words = useWords()
  const { operations, nowMs } = useRoom()
  const container = useRef<HTMLDivElement>(null)
  const fleet = useRef(new Fleet())
  const map = useRef<OpsMap | undefined>(undefined)
  /** Until someone takes the map in hand. */
  const isFollowing = useRef(true)
  const [newestMs, setNewestMs] = useState(0)

  const show = (positions: readonly Position[], isPast: boolean) => {
    for (const position of positions) {
      if (isPast) fleet.current.acceptPast(position.userId, position, Date.now())
      else fleet.current.accept(position.userId, position, Date.now())
    }
    const last = positions.at(-1)
    if (last === undefined) return
    setNewestMs((before) => Math.max(before, last.timestampMs))
    if (map.current !== undefined) {
      map.current.chosenId ??= last.userId
      map.current.showOnce(last)
      if (isFollowing.current) map.current.keepInView(last)
    }
  }

  useEffect(() => {
    if (container.current === null) return undefined
    fleet.current.setClock(nowMs(), Date.now())
    const opened = new OpsMap({
      container: container.current,
      fleet: fleet.current,
      label: words.alerts.track,
      onDrag: () => {
        isFollowing.current = false
      },
    })
    map.current = opened
    opened.pins = location === undefined ? [] : [location]
    if (location !== undefined) opened.showOnce(location)
    return () => {
      map.current = undefined
      opened.close()
    }
  }, [])

  useEffect(() => show(trail, true), [trail])

  useEffect(() => {
    if (tripId === '') return undefined
    return keepStream({
      open: (signal) => operations.stream.location.watchTrip({ tripId }, { signal }),
      onMessage: ({ updates }) => show(updates, false),
      onEnd: () => undefined,
      isFinal: ({ reason }) => FINAL.has(reason),
    })
  }, [tripId, operations])

  return (
    <section class="block track" aria-label={words.alerts.track}>
      <div ref={container} class="small-map" />
      <p class="soft">
        {location === undefined && `${words.alerts.noLocation} `}
        {newestMs > 0 ? (
          <>
            {words.alerts.lastFix}: <Age atMs={newestMs} />
          </>
        ) : (
          tripId !== '' && words.alerts.noFix
        )}
      </p>
    </section>
  )
}
