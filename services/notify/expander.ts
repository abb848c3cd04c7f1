/** Splits a notification for several people or channels into single messages, each with a record of its own. */
import { createHash } from 'node:crypto'
import type { NotifyEvents } from './events.ts'
import { LEASE_MS } from './handover.ts'
import { childOf, isOpen, type Notification } from './notification.ts'
import { decide, type PlanLimits } from './plan.ts'
import type { Channel } from './provider.ts'
import { isAway, type Recipient, type Recipients } from './recipients.ts'
import type { Records } from './records.ts'
import { endAsExpanded, giveUp, markLate, nextRound } from './transitions.ts'

export interface ExpanderParts {
  readonly records: Records
  readonly recipients: Recipients
  readonly limits: PlanLimits
  readonly events: NotifyEvents
  readonly nowMs: () => number
}

export interface Message {
  readonly notification: Notification
  readonly recipient: Recipient
}

export class Expander {
  readonly #parts: ExpanderParts

  constructor(parts: ExpanderParts) {
    this.#parts = parts
  }

  /** Answers the messages that are on record now and were not before: theirs is the caller's lease. */
  async expand(group: Notification): Promise<readonly Message[]> {
    const { recipients, records, events, nowMs } = this.#parts
    let people: readonly Recipient[]
    try {
      people = await recipients.list(group)
    } catch (error) {
      if (!isAway(error)) throw error
      await this.#waitForDirectory(group)
      return []
    }
    if (people.length === 0) {
      events.ended(await records.change(group, (latest) => giveUp(latest, 'NO_RECIPIENT', nowMs())), 'failed')
      return []
    }
    const recipientOf = new Map<string, Recipient>()
    const children = people.flatMap((recipient) =>
      channelsFor(group, recipient).map((channel): Notification => {
        const { contact } = recipient
        const id = childId(group, contact, channel)
        recipientOf.set(id, recipient)
        return { ...childOf(group, { id, contact, channel }), dueMs: nowMs() + LEASE_MS }
      }),
    )
    // The messages first: a crash in between splits the group again, and finds them there.
    const created = await records.createMany(children)
    const ids = children.map(({ id }) => id)
    const expanded = await records.change(group, (latest) =>
      latest.lease === group.lease && isOpen(latest) ? endAsExpanded(latest, ids) : undefined,
    )
    events.expanded(expanded, children.length)
    return created.flatMap((notification) => {
      const recipient = recipientOf.get(notification.id)
      return recipient === undefined ? [] : [{ notification, recipient }]
    })
  }

  /** The plan's rounds serve here too: late is put on record, and at last it is given up. */
  async #waitForDirectory(group: Notification): Promise<void> {
    const { records, limits, events, nowMs } = this.#parts
    const now = nowMs()
    const decision = decide({
      notification: group,
      nowMs: now,
      steps: undefined,
      quietUntilMs: undefined,
      isCutOff: () => false,
      limits,
    })
    const next = await records.change(group, (latest) => {
      if (latest.lease !== group.lease) return undefined
      switch (decision.kind) {
        case 'late':
          return { ...markLate(latest, now), dueMs: now }
        case 'retry':
          return nextRound(latest, decision)
        case 'wait':
          return { ...latest, dueMs: decision.untilMs }
        default:
          return giveUp(latest, 'DIRECTORY_AWAY', now)
      }
    })
    if (decision.kind === 'late') events.late(group)
    if (decision.kind === 'retry') events.retryScheduled(group, decision.round, decision.atMs - now)
    if (decision.kind === 'failed') events.ended(next, 'failed')
  }
}

/** Those over which the contact can be reached; the first where there is none, so that the failure is on record. */
function channelsFor({ channels }: Notification, { addresses }: Recipient): readonly Channel[] {
  const reachable = channels.filter((channel) => addresses[channel].length > 0)
  return reachable.length > 0 ? reachable : [channels[0]]
}

function childId({ id }: Notification, contact: number, channel: Channel): string {
  return `n_${createHash('sha256').update(`${id}\n${contact}\n${channel}`).digest('base64url').slice(0, 27)}`
}
