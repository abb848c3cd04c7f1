import { useState } from 'preact/hooks'
import type { Document } from '../generated/types.ts'
import { Age } from '../parts/age.tsx'
import { PollState } from '../parts/poll-state.tsx'
import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useFocus } from '../parts/use-focus.ts'
import { useRoom } from '../parts/use-room.ts'
import { goTo } from '../shell/navigate.ts'
import { usePoll } from '../store/use-poll.ts'
import { useWords } from '../words/words.ts'
import { DocumentPreview } from './document-preview.tsx'

const READ_EVERY_MS = 10_000

interface Props {
  readonly documentId: string
  readonly onReviewed: () => void
}

export function DocumentReview({ documentId, onReviewed }: Props) {
  const words = useWords()
  const { operations } = useRoom()
  const polled = usePoll(
    () => operations.call.document.getDocument({ documentId }),
    READ_EVERY_MS,
    documentId,
  )
  return (
    <PollState polled={polled}>
      {({ document }) =>
        document === undefined ? null : (
          <article
            class="document"
            aria-label={words.documents.types[document.documentType] ?? document.documentType}
          >
            <header class="alert-head">
              <button
                type="button"
                class="back"
                aria-label={words.help.close}
                onClick={() => goTo({ view: 'documents', id: '' })}
              >
                ←
              </button>
              <div>
                <h2>{words.documents.types[document.documentType] ?? document.documentType}</h2>
                <p class="soft mono">{document.documentId}</p>
              </div>
              <span class={`badge badge-${document.state}`}>{words.documents.states[document.state]}</span>
            </header>
            <Facts document={document} />
            <ReviewActions
              document={document}
              onReviewed={() => {
                polled.refresh()
                onReviewed()
              }}
            />
            <DocumentPreview document={document} />
          </article>
        )
      }
    </PollState>
  )
}

function Facts({ document }: { document: Document }) {
  const words = useWords()
  const { userId, fileName, contentType, sizeBytes, createdAt, reviewedBy, reviewedAt, rejectionText } =
    document
  return (
    <dl class="facts">
      <div>
        <dt>{words.documents.owner}</dt>
        <dd>{userId}</dd>
      </div>
      <div>
        <dt>{words.documents.file}</dt>
        <dd>
          {fileName}{' '}
          <span class="soft">
            {contentType}, {Math.ceil(sizeBytes / 1024)} KB
          </span>
        </dd>
      </div>
      <div>
        <dt>{words.documents.uploaded}</dt>
        <dd>
          <Age atMs={createdAt} />
        </dd>
      </div>
      {reviewedAt > 0 && (
        <div>
          <dt>{words.documents.reviewed}</dt>
          <dd>
            {reviewedBy}{' '}
            <span class="soft">
              <Age atMs={reviewedAt} />
            </span>
          </dd>
        </div>
      )}
      {rejectionText !== '' && (
        <div>
          <dt>{words.documents.reason}</dt>
          <dd>{rejectionText}</dd>
        </div>
      )}
    </dl>
  )
}

function ReviewActions({ document, onReviewed }: { document: Document; onReviewed: () => void }) {
  const words = useWords()
  const { operations } = useRoom()
  const { run, isBusy, problem } = useAction()
  const [isRejecting, setRejecting] = useState(false)
  const { documentId, state } = document
  if (state !== 'AVAILABLE' && state !== 'APPROVED') return null

  const review = (decision: 'approve' | 'reject', reason: string, done: string) =>
    run(async () => {
      await operations.call.document.reviewDocument({ documentId, decision, reason })
      setRejecting(false)
      onReviewed()
    }, done)

  return (
    <div class="actions">
      {state === 'AVAILABLE' && (
        <button
          type="button"
          class="primary"
          disabled={isBusy}
          onClick={() => review('approve', '', words.documents.approved)}
        >
          {words.documents.approve}
        </button>
      )}
      {isRejecting ? (
        <RejectForm
          isBusy={isBusy}
          onReject={(reason) => review('reject', reason, words.documents.rejected)}
          onCancel={() => setRejecting(false)}
        />
      ) : (
        <button type="button" onClick={() => setRejecting(true)}>
          {words.documents.reject}…
        </button>
      )}
      <Problem text={problem} />
    </div>
  )
}

interface RejectProps {
  readonly isBusy: boolean
  readonly onReject: (reason: string) => void
  readonly onCancel: () => void
}

function RejectForm({ isBusy, onReject, onCancel }: RejectProps) {
  const words = useWords()
  const field = useFocus<HTMLTextAreaElement>()
  const [reason, setReason] = useState('')
  const [isMissing, setMissing] = useState(false)
  return (
    <form
      class="resolve"
      onSubmit={(event) => {
        event.preventDefault()
        setMissing(reason.trim() === '')
        if (reason.trim() !== '') onReject(reason.trim())
      }}
    >
      <label class="field">
        <span>{words.documents.rejectReason}</span>
        <textarea
          ref={field}
          rows={2}
          maxLength={300}
          aria-invalid={isMissing}
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      <div class="chips">
        {words.documents.reasons.map((text) => (
          <button key={text} type="button" class="chip" onClick={() => setReason(text)}>
            {text}
          </button>
        ))}
      </div>
      <Problem text={isMissing ? words.documents.rejectNeeded : ''} />
      <div class="buttons">
        <button type="submit" class="danger" disabled={isBusy}>
          {words.documents.reject}
        </button>
        <button type="button" class="quiet" onClick={onCancel}>
          {words.cancel}
        </button>
      </div>
    </form>
  )
}
