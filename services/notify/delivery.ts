/** How messages fare over all processes, in the contract's words. Pure. */
import type { ProviderTally } from '@hushryd/gen/hushryd/notify/v1/delivery.ts'
import {
  BreakerState,
  type NotifyProcess,
  type ProviderDelivery,
} from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { addCounts, type DeliveryCount, NO_DELIVERIES } from './delivery-counts.ts'
import type { HeardProcess } from './delivery-peers.ts'
import { percentileMs } from './durations.ts'
import { CHANNELS } from './notification.ts'
import type { Breaker, ProviderLink } from './provider-link.ts'

const STATES = {
  closed: BreakerState.CLOSED,
  trying: BreakerState.TRYING,
  open: BreakerState.OPEN,
} as const satisfies Record<Breaker['state'], BreakerState>
const MEDIAN = 0.5
const HIGH = 0.95

/** As its process tells the others. */
export function encodeTally(link: ProviderLink, count: DeliveryCount = NO_DELIVERIES): ProviderTally {
  const { provider, breaker } = link
  return {
    channel: provider.channel,
    provider: provider.name,
    breaker: STATES[breaker.state],
    breakerSince: breaker.sinceMs,
    ...count,
    handovers: { ...count.handovers },
    receipts: { ...count.receipts },
  }
}

export function encodeProcess({ processId, startedMs, heardMs, isSilent }: HeardProcess): NotifyProcess {
  return { processId, startedAt: startedMs, heardAt: heardMs, isSilent }
}

interface Sum {
  readonly channel: string
  readonly count: DeliveryCount
  readonly breakers: ProviderDelivery['breakers']
}

/** By channel, and within it as the first process tries them. */
export function sumUp(processes: readonly HeardProcess[]): ProviderDelivery[] {
  const sums = new Map<string, Sum>()
  for (const { processId, isSilent, tallies } of processes) {
    for (const tally of tallies) {
      const { channel, provider, breaker: state, breakerSince: since } = tally
      const { count, breakers } = sums.get(provider) ?? { count: NO_DELIVERIES, breakers: [] }
      sums.set(provider, {
        channel,
        count: isSilent ? count : addCounts(count, tally),
        breakers: [...breakers, { processId, state, since }],
      })
    }
  }
  const order: readonly string[] = CHANNELS
  return [...sums]
    .map(([provider, sum]) => encodeSum(provider, sum))
    .toSorted((one, other) => order.indexOf(one.channel) - order.indexOf(other.channel))
}

function encodeSum(provider: string, { channel, count, breakers }: Sum): ProviderDelivery {
  const { handovers, receipts, ...counts } = count
  return {
    channel,
    provider,
    ...counts,
    handoverP50Ms: percentileMs(handovers, MEDIAN),
    handoverP95Ms: percentileMs(handovers, HIGH),
    receiptP50Ms: percentileMs(receipts, MEDIAN),
    receiptP95Ms: percentileMs(receipts, HIGH),
    breaker: worst(breakers.map(({ state }) => state)),
    breakers,
  }
}

function worst(states: readonly BreakerState[]): BreakerState {
  if (states.includes(BreakerState.OPEN)) return BreakerState.OPEN
  return states.includes(BreakerState.TRYING) ? BreakerState.TRYING : BreakerState.CLOSED
}
