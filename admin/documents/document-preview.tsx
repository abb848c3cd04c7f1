import { useEffect, useState } from 'preact/hooks'
import type { Document } from '../generated/types.ts'
import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useRoom } from '../parts/use-room.ts'
import { useWords } from '../words/words.ts'

const REASON_LENGTH_MIN = 5
const HAS_FILE = new Set(['AVAILABLE', 'APPROVED'])

export function DocumentPreview({ document }: { document: Document }) {
  const words = useWords()
  return (
    <section class="block" aria-label={words.documents.preview}>
      {!HAS_FILE.has(document.state) ? (
        <p class="empty">{words.documents.noPreview}</p>
      ) : document.isSealed ? (
        <SealedPreview document={document} />
      ) : (
        <LinkedPreview document={document} />
      )}
    </section>
  )
}

/** By a link that ends within minutes: asked for when it is looked at, and never kept. */
function LinkedPreview({ document: { documentId, contentType, fileName } }: { document: Document }) {
  const { operations } = useRoom()
  const [url, setUrl] = useState('')
  const { run, problem } = useAction()
  useEffect(
    () => run(async () => setUrl((await operations.call.document.getDocumentUrl({ documentId })).url)),
    [documentId],
  )
  return (
    <>
      <Problem text={problem} />
      {url !== '' && <FileView url={url} contentType={contentType} name={fileName} />}
    </>
  )
}

/** No link leads to it: the file comes in the answer, after the reason is on record, and lives in this view alone. */
function SealedPreview({ document: { documentId, fileName } }: { document: Document }) {
  const words = useWords()
  const { operations } = useRoom()
  const [reason, setReason] = useState('')
  const [isShort, setShort] = useState(false)
  const [opened, setOpened] = useState<{ readonly url: string; readonly contentType: string }>()
  const { run, isBusy, problem } = useAction()
  useEffect(() => () => void (opened !== undefined && URL.revokeObjectURL(opened.url)), [opened])

  if (opened !== undefined) return <FileView {...opened} name={fileName} />
  return (
    <form
      class="resolve"
      onSubmit={(event) => {
        event.preventDefault()
        const text = reason.trim()
        setShort(text.length < REASON_LENGTH_MIN)
        if (text.length < REASON_LENGTH_MIN) return
        run(async () => {
          const { content, contentType } = await operations.fetch.document.openDocument({
            documentId,
            reason: text,
          })
          const bytes = Uint8Array.fromBase64(content)
          setOpened({ url: URL.createObjectURL(new Blob([bytes], { type: contentType })), contentType })
        })
      }}
    >
      <p class="notice notice-warning">{words.documents.sealed}</p>
      <label class="field">
        <span>{words.documents.reason}</span>
        <input
          autocomplete="off"
          maxLength={500}
          aria-invalid={isShort}
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      <Problem text={isShort ? words.documents.reasonShort : problem} />
      <button type="submit" disabled={isBusy}>
        {words.documents.openSealed}
      </button>
    </form>
  )
}

interface FileProps {
  readonly url: string
  readonly contentType: string
  readonly name: string
}

function FileView({ url, contentType, name }: FileProps) {
  const words = useWords()
  return (
    <figure class="file">
      {contentType.startsWith('image/') ? (
        <img src={url} alt={name} referrerpolicy="no-referrer" />
      ) : (
        <iframe src={url} title={name} referrerpolicy="no-referrer" />
      )}
      <figcaption>
        <a href={url} target="_blank" rel="noopener noreferrer">
          {words.documents.openInTab}
        </a>
      </figcaption>
    </figure>
  )
}
