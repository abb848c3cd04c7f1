import type { GetDeliveryResponse, ProviderDelivery } from '../generated/types.ts'
import { Figures } from '../parts/figures.tsx'
import { PollState } from '../parts/poll-state.tsx'
import { Table } from '../parts/table.tsx'
import { useRoom } from '../parts/use-room.ts'
import { usePoll } from '../store/use-poll.ts'
import { useWords } from '../words/words.ts'

const READ_EVERY_MS = 5_000
const MINUTES = 15

function msText(ms: number): string {
  if (ms === 0) return '–'
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`
}

/** How each provider fares, and which are cut off. */
export function Delivery() {
  const words = useWords()
  const { operations } = useRoom()
  const polled = usePoll(
    () => operations.call.notify.getDelivery({ minutes: MINUTES }),
    READ_EVERY_MS,
    'delivery',
  )
  return (
    <>
      <h2>
        {words.messages.delivery} <span class="soft">{words.messages.window(MINUTES)}</span>
      </h2>
      <PollState polled={polled}>{(delivery) => <DeliveryTable delivery={delivery} />}</PollState>
    </>
  )
}

function DeliveryTable({ delivery }: { delivery: GetDeliveryResponse }) {
  const { providers, processes, suppressed, isDatabaseAway } = delivery
  const { messages } = useWords()
  const open = providers.filter(({ breaker }) => breaker === 'OPEN').length
  const silent = processes.filter(({ isSilent }) => isSilent).length
  const heads = [
    messages.channel,
    messages.provider,
    messages.breaker,
    messages.accepted,
    messages.refused,
    messages.unavailable,
    messages.cutOff,
    messages.delivered,
    messages.undelivered,
    messages.handover,
    messages.receipt,
  ]
  return (
    <>
      <p class={open === 0 ? 'good' : 'bad'}>{messages.openBreakers(open)}</p>
      {isDatabaseAway && <p class="notice notice-warning">{messages.databaseAway}</p>}
      {silent > 0 && <p class="notice notice-warning">{messages.silent(silent)}</p>}
      <Table label={messages.delivery} heads={heads}>
        {providers.map((provider) => (
          <ProviderRow key={`${provider.channel} ${provider.provider}`} provider={provider} />
        ))}
      </Table>
      <p class="soft">
        {messages.suppressed}:{' '}
        {suppressed.map(({ channel, recipients }) => `${channel} ${recipients}`).join(' · ')}
      </p>
    </>
  )
}

function ProviderRow({ provider: row }: { provider: ProviderDelivery }) {
  const words = useWords()
  const figures = [row.accepted, row.refused, row.unavailable, row.cutOff, row.delivered, row.undelivered]
  return (
    <tr>
      <td>{row.channel}</td>
      <th scope="row">{row.provider}</th>
      <td>
        <span class={`badge breaker-${row.breaker}`}>{words.messages.breakers[row.breaker]}</span>
      </td>
      <Figures values={figures} />
      <td class="figure">{msText(row.handoverP95Ms)}</td>
      <td class="figure">{msText(row.receiptP95Ms)}</td>
    </tr>
  )
}
