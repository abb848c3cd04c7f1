import { useEffect } from 'preact/hooks'
import { AlarmBar } from '../alarm/alarm-bar.tsx'
import { AlertsView } from '../alerts/alerts-view.tsx'
import { CallsView } from '../calls/calls-view.tsx'
import { DocumentsView } from '../documents/documents-view.tsx'
import { EventsView } from '../events/events-view.tsx'
import { FleetView } from '../fleet/fleet-view.tsx'
import { MapView } from '../map/map-view.tsx'
import { MessagesView } from '../messages/messages-view.tsx'
import { Announcer } from '../parts/announcer.tsx'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import { LinkNotice } from './link-state.tsx'
import { route } from './navigate.ts'
import { Navigation } from './navigation.tsx'
import type { ViewName } from './route.ts'
import { Shortcuts } from './shortcuts.tsx'

const VIEW: Readonly<Record<ViewName, () => preact.JSX.Element>> = {
  map: MapView,
  alerts: AlertsView,
  events: EventsView,
  documents: DocumentsView,
  messages: MessagesView,
  calls: CallsView,
  fleet: FleetView,
}

/** What stands around every view: where one may go, whether it is live, and who waits for help. */
export function Shell({ onLeave }: { onLeave: () => void }) {
  const words = useWords()
  const { view } = useStore(route)
  const View = VIEW[view]
  useEffect(() => {
    document.getElementById('view')?.scrollTo(0, 0)
  }, [view])
  return (
    <div class="shell">
      <a class="skip" href="#view">
        {words.skip}
      </a>
      <Navigation onLeave={onLeave} />
      <div class="stage">
        <AlarmBar />
        <LinkNotice />
        <main id="view" class={`view view-${view}`} tabIndex={-1} aria-label={words.views[view]}>
          <View key={view} />
        </main>
      </div>
      <Announcer />
      <Shortcuts />
    </div>
  )
}
