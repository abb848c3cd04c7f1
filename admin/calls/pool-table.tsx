import type { GetPoolResponse, PoolPart } from '../generated/types.ts'
import { Figures } from '../parts/figures.tsx'
import { Meter } from '../parts/meter.tsx'
import { Table } from '../parts/table.tsx'
import { useWords } from '../words/words.ts'

/** How much of the virtual numbers is in use: an empty pool connects nobody. */
export function PoolTable({ pool: { parts, lowPercent } }: { pool: GetPoolResponse }) {
  const { calls } = useWords()
  if (parts.length === 0) return <p class="empty">{calls.noPool}</p>
  const heads = [
    calls.provider,
    calls.circle,
    calls.numbers,
    calls.paused,
    calls.used,
    calls.resting,
    calls.free,
    '',
  ]
  return (
    <Table label={calls.pool} heads={heads}>
      {parts.map((part) => (
        <PoolRow
          key={`${part.provider} ${part.country} ${part.circle}`}
          part={part}
          lowPercent={lowPercent}
        />
      ))}
    </Table>
  )
}

function PoolRow({ part, lowPercent }: { part: PoolPart; lowPercent: number }) {
  const { calls } = useWords()
  const { provider, country, circle, numbers, numbersPaused, places, used, resting } = part
  const share = places === 0 ? 1 : (used + resting) / places
  const isLow = lowPercent > 0 && share * 100 >= lowPercent
  return (
    <tr>
      <th scope="row">{provider}</th>
      <td>{[country, circle].filter((name) => name !== '').join('-')}</td>
      <Figures values={[numbers, numbersPaused, used, resting, Math.max(0, places - used - resting)]} />
      <td>
        <Meter share={share} label={`${Math.round(share * 100)} %`} isBad={isLow} />
        {isLow && <span class="badge badge-ACTIVE">{calls.low}</span>}
      </td>
    </tr>
  )
}
