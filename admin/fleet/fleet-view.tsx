import { useWords } from '../words/words.ts'
import { Consumers } from './consumers.tsx'
import { Edges } from './edges.tsx'

export function FleetView() {
  const words = useWords()
  return (
    <div class="page">
      <section class="block" aria-label={words.fleet.edges}>
        <h2>{words.fleet.edges}</h2>
        <Edges />
      </section>
      <section class="block" aria-label={words.fleet.consumers}>
        <Consumers />
      </section>
    </div>
  )
}
