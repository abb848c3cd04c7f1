import { useState } from 'preact/hooks'
import type { Document, DocumentState } from '../generated/types.ts'
import { Age } from '../parts/age.tsx'
import { PollState } from '../parts/poll-state.tsx'
import { useListKeys } from '../parts/use-list-keys.ts'
import { useRoom } from '../parts/use-room.ts'
import { goTo, route } from '../shell/navigate.ts'
import { usePoll } from '../store/use-poll.ts'
import { useStore } from '../store/use-store.ts'
import { useWords } from '../words/words.ts'
import { DocumentReview } from './document-review.tsx'

const READ_EVERY_MS = 10_000
const PAGE_SIZE = 100
const STATES = ['AVAILABLE', 'PROCESSING', 'APPROVED', 'REJECTED'] as const satisfies readonly DocumentState[]

function choose(id: string): void {
  goTo({ view: 'documents', id })
}

export function DocumentsView() {
  const words = useWords()
  const { operations } = useRoom()
  const { id } = useStore(route)
  const [state, setState] = useState<DocumentState>('AVAILABLE')
  const [documentType, setType] = useState('')
  const polled = usePoll(
    () => operations.call.document.listDocuments({ state, documentType, pageSize: PAGE_SIZE }),
    READ_EVERY_MS,
    `${state} ${documentType}`,
  )
  const documents = polled.value?.documents ?? []
  useListKeys(
    documents.map(({ documentId }) => documentId),
    id,
    choose,
  )
  return (
    <div class={`split ${id === '' ? '' : 'split-chosen'}`}>
      <section class="list" aria-label={words.views.documents}>
        <div class="filters filters-narrow">
          <label class="field">
            <span>{words.documents.state}</span>
            <select
              value={state}
              onChange={({ currentTarget }) =>
                setState(STATES.find((one) => one === currentTarget.value) ?? 'AVAILABLE')
              }
            >
              {STATES.map((one) => (
                <option key={one} value={one}>
                  {words.documents.states[one]}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>{words.documents.type}</span>
            <select value={documentType} onChange={({ currentTarget }) => setType(currentTarget.value)}>
              <option value="">{words.documents.allTypes}</option>
              {Object.entries(words.documents.types).map(([type, name]) => (
                <option key={type} value={type}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
        <PollState polled={polled}>
          {(page) =>
            page.documents.length === 0 ? (
              <p class="empty">{words.documents.none}</p>
            ) : (
              <ul class="rows">
                {page.documents.map((document) => (
                  <DocumentRow
                    key={document.documentId}
                    document={document}
                    isChosen={document.documentId === id}
                  />
                ))}
              </ul>
            )
          }
        </PollState>
      </section>
      <section class="detail">
        {id === '' ? (
          <p class="empty">{words.documents.choose}</p>
        ) : (
          <DocumentReview key={id} documentId={id} onReviewed={polled.refresh} />
        )}
      </section>
    </div>
  )
}

function DocumentRow({ document, isChosen }: { document: Document; isChosen: boolean }) {
  const words = useWords()
  const { documentId, userId, documentType, state, createdAt } = document
  return (
    <li>
      <button
        type="button"
        class="row"
        aria-current={isChosen ? 'true' : undefined}
        onClick={() => choose(documentId)}
      >
        <span class="row-main">
          <span class="row-title">{words.documents.types[documentType] ?? documentType}</span>
          <span class="soft">{userId}</span>
        </span>
        <span class="row-side">
          <span class={`badge badge-${state}`}>{words.documents.states[state]}</span>
          <span class="soft">
            <Age atMs={createdAt} />
          </span>
        </span>
      </button>
    </li>
  )
}
