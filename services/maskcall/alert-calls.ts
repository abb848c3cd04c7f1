/**
 * Calls emergency contacts about alerts. What could not be done is left for
 * the next time that sos asks, which it does until all are done; what was done
 * is known by alert and contact and not done again.
 */
import type { ContactCall, AlertCalls as WireAlertCalls } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { DomainError } from '@hushryd/kernel/error.ts'
import type { AlertCallStore } from './alert-call-store.ts'
import { alertCallText, type SpokenText } from './alert-call-texts.ts'
import type { Directory } from './directory.ts'
import type { AlertCallOutcome, MaskcallEvents } from './events.ts'
import { PhoneNumber } from './phone-number.ts'
import { type Placement, type ProviderLink, TIMED_OUT } from './provider-link.ts'
import type { ProviderName } from './voice-provider.ts'

export interface AlertCallsParts {
  readonly directory: Pick<Directory, 'findContacts'>
  readonly store: AlertCallStore
  /** The best one first. */
  readonly linksByHealth: () => readonly ProviderLink[]
  /** What the contact's phone shows; undefined where the provider has no number. */
  readonly numberOf: (provider: ProviderName) => string | undefined
  readonly events: MaskcallEvents
  readonly nowMs: () => number
}

export interface AnnouncedAlert {
  readonly alertId: string
  readonly userId: string
}

/** In a flood, alerts that are worked on at once: calls give way to messages. */
const AT_ONCE = 8
/** Longer than all providers together may take. */
const LEASE_MS = 30_000
/** A provider that is too slow may ring the phone all the same: nobody is rung on and on. */
const UNSURE_MAX = 3

export class AlertCalls {
  readonly #parts: AlertCallsParts

  constructor(parts: AlertCallsParts) {
    this.#parts = parts
  }

  /** In the order of the alerts; those for which the time is too short are not done. */
  async announce(alerts: readonly AnnouncedAlert[], deadlineMs: number): Promise<WireAlertCalls[]> {
    const answers = alerts.map(({ alertId }): WireAlertCalls => ({ alertId, isDone: false, calls: [] }))
    const left = alerts.entries()
    const work = async (): Promise<void> => {
      for (const [index, alert] of left)
        if (this.#parts.nowMs() < deadlineMs) answers[index] = await this.#announce(alert)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return answers
  }

  async #announce({ alertId, userId }: AnnouncedAlert): Promise<WireAlertCalls> {
    const calls: ContactCall[] = []
    try {
      const { name, locale, contacts } = await this.#parts.directory.findContacts(userId)
      const text = alertCallText(locale, name)
      let isDone = true
      for (const { contact, phone } of contacts) {
        const call = await this.#call({ alertId, userId }, contact, phone, text)
        if (call === undefined) isDone = false
        else calls.push(call)
      }
      return { alertId, isDone, calls }
    } catch (error) {
      // The directory or MongoDB is away or late: sos asks again.
      if (!(error instanceof DomainError)) throw error
      return { alertId, isDone: false, calls }
    }
  }

  /** Undefined where it is still to be done. */
  async #call(
    { alertId, userId }: AnnouncedAlert,
    contact: number,
    phone: string,
    text: SpokenText,
  ): Promise<ContactCall | undefined> {
    const { store, events, nowMs } = this.#parts
    const id = `${alertId} ${userId} ${contact}`
    const claim = await store.claim(id, nowMs(), LEASE_MS)
    if (claim.kind === 'settled') return { contact, isPlaced: claim.isPlaced, at: claim.atMs }
    if (claim.kind === 'taken') return undefined
    const outcome = await this.#place(new PhoneNumber(() => phone), text)
    events.alertCall(alertId, outcome)
    if (outcome === 'open') await store.release(id)
    else if (outcome === 'unsure') await store.release(id, { isUnsure: true })
    if (outcome === 'open' || (outcome === 'unsure' && claim.unsure + 1 < UNSURE_MAX)) return undefined
    const at = nowMs()
    const isPlaced = outcome !== 'refused'
    await store.settle(id, isPlaced ? 'placed' : 'refused', at)
    return { contact, isPlaced, at }
  }

  async #place(callee: PhoneNumber, spoken: SpokenText): Promise<AlertCallOutcome> {
    const { linksByHealth, numberOf } = this.#parts
    const seen = new Set<AlertCallOutcome>()
    for (const link of linksByHealth()) {
      const virtualNumber = numberOf(link.provider.name)
      if (virtualNumber === undefined) continue
      const placement = await link.announce({ virtualNumber, callee, ...spoken })
      const outcome = outcomeOf(placement)
      if (outcome === 'placed') return 'placed'
      seen.add(outcome)
    }
    if (seen.has('unsure')) return 'unsure'
    // Where nobody could be asked nobody has refused.
    return seen.has('refused') && !seen.has('open') ? 'refused' : 'open'
  }
}

function outcomeOf({ outcome, code }: Placement): AlertCallOutcome {
  if (outcome === 'placed' || outcome === 'refused') return outcome
  return code === TIMED_OUT ? 'unsure' : 'open'
}
