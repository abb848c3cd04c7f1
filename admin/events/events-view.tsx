import { useState } from 'preact/hooks'
import { Tabs } from '../parts/tabs.tsx'
import { useWords } from '../words/words.ts'
import { ArchiveSearch } from './archive-search.tsx'
import { LiveFeed } from './live-feed.tsx'

export function EventsView() {
  const words = useWords()
  const [shown, show] = useState<'live' | 'archive'>('live')
  return (
    <div class="page">
      <Tabs
        label={words.views.events}
        tabs={[
          { name: 'live', label: words.events.live },
          { name: 'archive', label: words.events.archive },
        ]}
        chosen={shown}
        onChoose={show}
      />
      {shown === 'archive' ? <ArchiveSearch /> : <LiveFeed />}
    </div>
  )
}
