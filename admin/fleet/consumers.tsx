import type { ConsumerLag, ConsumersPart, LogPart, Reading } from '../generated/types.ts'
import { Figures } from '../parts/figures.tsx'
import { Table } from '../parts/table.tsx'
import { useRoom, useServerNow } from '../parts/use-room.ts'
import { useStore } from '../store/use-store.ts'
import { agoText } from '../words/time.ts'
import { useWords } from '../words/words.ts'

/** Of a consumer's figures: work that is being done is nothing to warn of. */
const UNDER_WAY = 1

/** What waits in the queues, and in the log of this very room. */
export function Consumers() {
  const words = useWords()
  const overview = useStore(useRoom().overview)
  return (
    <>
      <h2>
        {words.fleet.consumers} <ReadingAge reading={overview?.consumers?.reading} />
      </h2>
      {overview?.consumers !== undefined && <ConsumerTable part={overview.consumers} />}
      <h2>
        {words.fleet.log} <ReadingAge reading={overview?.log?.reading} />
      </h2>
      {overview?.log !== undefined && <LogFigures part={overview.log} />}
    </>
  )
}

/** How far the figures are to be believed. */
function ReadingAge({ reading }: { reading: Reading | undefined }) {
  const words = useWords()
  const nowMs = useServerNow()
  if (reading === undefined || reading.readAt === 0)
    return <span class="warn small">{words.fleet.unknown}</span>
  const age = words.fleet.asOf(agoText(nowMs - reading.readAt, words))
  return <span class={`small ${reading.unknown ? 'warn' : 'soft'}`}>{age}</span>
}

/** What waits comes first; the rest keeps the order in which it came. */
function byWork(consumers: readonly ConsumerLag[]): ConsumerLag[] {
  return consumers.toSorted((a, b) => b.pending - a.pending || b.redelivered - a.redelivered)
}

function ConsumerTable({ part: { consumers } }: { part: ConsumersPart }) {
  const { fleet } = useWords()
  return (
    <Table
      label={fleet.consumers}
      heads={[fleet.stream, fleet.consumer, fleet.pending, fleet.unacknowledged, fleet.redelivered]}
    >
      {byWork(consumers).map(({ stream, consumer, pending, unacknowledged, redelivered }) => (
        <tr key={`${stream} ${consumer}`}>
          <td>{stream}</td>
          <th scope="row">{consumer}</th>
          <Figures
            values={[pending, unacknowledged, redelivered]}
            isWarning={(value, index) => value > 0 && index !== UNDER_WAY}
          />
        </tr>
      ))}
    </Table>
  )
}

function LogFigures({ part: { lastSequence, unarchived, watchers } }: { part: LogPart }) {
  const { fleet, locale } = useWords()
  const figures: readonly (readonly [string, number])[] = [
    [fleet.lastSequence, lastSequence],
    [fleet.unarchived, unarchived],
    [fleet.watchers, watchers],
  ]
  return (
    <dl class="facts">
      {figures.map(([name, figure]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{figure.toLocaleString(locale)}</dd>
        </div>
      ))}
    </dl>
  )
}
