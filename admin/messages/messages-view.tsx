import { useWords } from '../words/words.ts'
import { DeadLetters } from './dead-letters.tsx'
import { Delivery } from './delivery.tsx'

export function MessagesView() {
  const words = useWords()
  return (
    <div class="page">
      <section class="block" aria-label={words.messages.delivery}>
        <Delivery />
      </section>
      <section class="block" aria-label={words.messages.deadLetters}>
        <DeadLetters />
      </section>
    </div>
  )
}
