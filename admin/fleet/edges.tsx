import { useState } from 'preact/hooks'
import type { EdgeNode } from '../generated/types.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Meter } from '../parts/meter.tsx'
import { PollState } from '../parts/poll-state.tsx'
import { Problem } from '../parts/problem.tsx'
import { Table } from '../parts/table.tsx'
import { useAction } from '../parts/use-action.ts'
import { useRoom, useServerNow } from '../parts/use-room.ts'
import { usePoll } from '../store/use-poll.ts'
import { useStore } from '../store/use-store.ts'
import { spanText } from '../words/time.ts'
import { useWords } from '../words/words.ts'

const READ_EVERY_MS = 2_000
/** Further from the mean than the fleet allows itself. */
const DEVIATION_MAX = 0.1

export function Edges() {
  const words = useWords()
  const { operations } = useRoom()
  const polled = usePoll(() => operations.call.edge.listEdges({}), READ_EVERY_MS, 'edges')
  const [draining, setDraining] = useState<EdgeNode>()
  const { run, isBusy, problem } = useAction()

  const drain = (edgeId: string, undo: boolean) =>
    run(
      async () => {
        await operations.call.edge.drainEdge({ edgeId, undo })
        polled.refresh()
      },
      undo ? words.fleet.undone(edgeId) : words.fleet.drained(edgeId),
    )

  return (
    <>
      <Problem text={problem} />
      <PollState polled={polled}>
        {({ edges, meanConnections }) => (
          <Table
            label={words.fleet.edges}
            heads={[
              words.fleet.edge,
              words.fleet.state,
              words.fleet.connections,
              <>
                {words.fleet.mean}{' '}
                <span class="soft">
                  {words.fleet.meanOf(Math.round(meanConnections).toLocaleString(words.locale))}
                </span>
              </>,
              words.fleet.running,
              '',
            ]}
          >
            {edges.map((edge) => (
              <EdgeRow
                key={edge.edgeId}
                edge={edge}
                mean={meanConnections}
                isBusy={isBusy}
                onDrain={() => setDraining(edge)}
                onUndo={() => drain(edge.edgeId, true)}
              />
            ))}
          </Table>
        )}
      </PollState>
      {draining !== undefined && (
        <DrainDialog
          edge={draining}
          onDrain={() => drain(draining.edgeId, false)}
          onClose={() => setDraining(undefined)}
        />
      )}
    </>
  )
}

interface RowProps {
  readonly edge: EdgeNode
  readonly mean: number
  readonly isBusy: boolean
  readonly onDrain: () => void
  readonly onUndo: () => void
}

function EdgeRow({ edge, mean, isBusy, onDrain, onUndo }: RowProps) {
  const words = useWords()
  const nowMs = useServerNow()
  const { edgeId, connections, draining, startedAt } = edge
  const deviation = mean === 0 ? 0 : connections / mean - 1
  const percent = Math.round(deviation * 100)
  const text = draining ? '–' : `${percent > 0 ? '+' : ''}${percent} %`
  return (
    <tr data-edge={edgeId}>
      <th scope="row">{edgeId}</th>
      <td>
        <span class={`badge ${draining ? 'badge-RESPONDING' : 'badge-RESOLVED'}`}>
          {draining ? words.fleet.draining : words.fleet.serving}
        </span>
      </td>
      <td class="figure" data-connections={connections}>
        {connections.toLocaleString(words.locale)}
      </td>
      <td class="figure">
        <Meter
          share={mean === 0 ? 0 : connections / (mean * 2)}
          label={text}
          isBad={!draining && Math.abs(deviation) > DEVIATION_MAX}
        />{' '}
        {text}
      </td>
      <td class="figure">{spanText(nowMs - startedAt)}</td>
      <td>
        <button type="button" disabled={isBusy} onClick={draining ? onUndo : onDrain}>
          {draining ? words.fleet.undo : `${words.fleet.drain}…`}
          <span class="unseen"> {edgeId}</span>
        </button>
      </td>
    </tr>
  )
}

function DrainDialog({
  edge: { edgeId, connections },
  onDrain,
  onClose,
}: {
  readonly edge: EdgeNode
  readonly onDrain: () => void
  readonly onClose: () => void
}) {
  const words = useWords()
  const { edgeId: here } = useStore(useRoom().link)
  return (
    <Dialog title={words.fleet.drainTitle(edgeId)} onClose={onClose}>
      <p>{words.fleet.drainText(connections)}</p>
      {edgeId === here && <p class="notice notice-warning">{words.fleet.drainHere}</p>}
      <form method="dialog" class="buttons">
        <button type="submit" class="danger" onClick={onDrain}>
          {words.fleet.drain}
        </button>
        <button type="submit" class="quiet">
          {words.cancel}
        </button>
      </form>
    </Dialog>
  )
}
