/**
 * What became of messages in this process in the last hour, by provider and
 * minute. For the operations page; what lasts and adds up is in the metrics.
 */
import { addDurations, type Durations, stepOf } from './durations.ts'
import type { ProviderName } from './provider.ts'

export interface DeliveryCount {
  readonly accepted: number
  readonly refused: number
  readonly unavailable: number
  readonly cutOff: number
  readonly delivered: number
  readonly undelivered: number
  readonly handovers: Durations
  readonly receipts: Durations
}

type HandoverOutcome = 'accepted' | 'refused' | 'unavailable' | 'cut_off'

const MINUTE_MS = 60_000
export const MINUTES_MAX = 60
const FIELD_OF = {
  accepted: 'accepted',
  refused: 'refused',
  unavailable: 'unavailable',
  cut_off: 'cutOff',
} as const satisfies Record<HandoverOutcome, keyof DeliveryCount>

export const NO_DELIVERIES: DeliveryCount = {
  accepted: 0,
  refused: 0,
  unavailable: 0,
  cutOff: 0,
  delivered: 0,
  undelivered: 0,
  handovers: {},
  receipts: {},
}

export function addCounts(one: DeliveryCount, other: DeliveryCount): DeliveryCount {
  return {
    accepted: one.accepted + other.accepted,
    refused: one.refused + other.refused,
    unavailable: one.unavailable + other.unavailable,
    cutOff: one.cutOff + other.cutOff,
    delivered: one.delivered + other.delivered,
    undelivered: one.undelivered + other.undelivered,
    handovers: addDurations(one.handovers, other.handovers),
    receipts: addDurations(one.receipts, other.receipts),
  }
}

/** The begin of the earliest of so many minutes, the current one included. */
export function countedFromMs(minutes: number, nowMs: number): number {
  return (Math.floor(nowMs / MINUTE_MS) - minutes + 1) * MINUTE_MS
}

export class DeliveryCounts {
  readonly #nowMs: () => number
  readonly #minutes = new Map<number, Map<ProviderName, DeliveryCount>>()

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Without a duration where the provider was not asked at all. */
  handedOver(provider: ProviderName, outcome: HandoverOutcome, durationMs: number | undefined): void {
    this.#add(provider, {
      [FIELD_OF[outcome]]: 1,
      ...(durationMs === undefined ? {} : { handovers: { [stepOf(durationMs)]: 1 } }),
    })
  }

  delivered(provider: ProviderName, afterMs: number): void {
    this.#add(provider, { delivered: 1, receipts: { [stepOf(afterMs)]: 1 } })
  }

  undelivered(provider: ProviderName): void {
    this.#add(provider, { undelivered: 1 })
  }

  /** What has happened since the begin of a minute. */
  since(fromMs: number): ReadonlyMap<ProviderName, DeliveryCount> {
    const sums = new Map<ProviderName, DeliveryCount>()
    for (const [minute, counts] of this.#minutes) {
      if (minute * MINUTE_MS < fromMs) continue
      for (const [provider, count] of counts)
        sums.set(provider, addCounts(sums.get(provider) ?? NO_DELIVERIES, count))
    }
    return sums
  }

  #add(provider: ProviderName, change: Partial<DeliveryCount>): void {
    const minute = Math.floor(this.#nowMs() / MINUTE_MS)
    let counts = this.#minutes.get(minute)
    if (counts === undefined) {
      counts = new Map()
      this.#minutes.set(minute, counts)
      for (const old of this.#minutes.keys()) if (old <= minute - MINUTES_MAX) this.#minutes.delete(old)
    }
    counts.set(provider, addCounts(counts.get(provider) ?? NO_DELIVERIES, { ...NO_DELIVERIES, ...change }))
  }
}
