/**
 * Carries a notification forward: looks up whom it is for, asks the plan what
 * to do, does it, and goes on until there is something to wait for. What is
 * waited for is the record's `dueMs`, which the timers watch; so a crash at any
 * point leaves a record from which any process goes on.
 */
import { createHash } from 'node:crypto'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { NotifyEvents } from './events.ts'
import { type Handovers, LEASE_MS } from './handover.ts'
import {
  childOf,
  endAsExpanded,
  endAsSent,
  giveUp,
  isGroup,
  isOpen,
  markLate,
  type Notification,
  nextRound,
  settleAttempts,
} from './notification.ts'
import { type Decision, decide, limitsOf, type PlanLimits, roundPauseMs, type Step } from './plan.ts'
import type { Channel, ProviderName } from './provider.ts'
import type { ProviderLink } from './provider-link.ts'
import { findQuietEndMs, type QuietHours } from './quiet-hours.ts'
import type { Receipts } from './receipts.ts'
import { type Addresses, isAway, type Recipient, type Recipients } from './recipients.ts'
import type { Records } from './records.ts'
import { openData } from './sealed-data.ts'
import type { Suppressions } from './suppressions.ts'
import { type Content, channelsOf, render } from './template.ts'
import type { Templates } from './template-files.ts'

export interface SenderParts {
  readonly records: Records
  readonly recipients: Recipients
  readonly suppressions: Suppressions
  readonly receipts: Receipts
  readonly handovers: Handovers
  readonly templates: Templates
  /** In the order in which a channel tries them. */
  readonly links: ReadonlyMap<ProviderName, ProviderLink>
  readonly limits: PlanLimits
  readonly quietHours: QuietHours
  readonly ring: KeyRing
  readonly events: NotifyEvents
  readonly nowMs: () => number
}

/** For a place at a provider; past it the message makes room for others and comes back. */
const GATE_WAIT_MS = 3_000
const BUSY_AGAIN_MS = 500

export class Sender {
  readonly #parts: SenderParts

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  /** `known` spares the look-up of a recipient who was looked up just now. */
  async advance(notification: Notification, known?: Recipient): Promise<void> {
    const { events, records } = this.#parts
    let current = notification
    let recipient = known
    try {
      while (isOpen(current) && current.lease === notification.lease) {
        if (isGroup(current)) return await this.#expand(current)
        const next = await this.#step(current, recipient)
        if (next === undefined) return
        current = next
        // One that waited for its turn may have moved or got another number.
        recipient = undefined
      }
      // Nothing is open but what could not be told yet.
      if (!isOpen(current) && current.announcements.length > 0 && current.lease === notification.lease)
        await records.change(current, (latest) => ({ ...latest, dueMs: undefined }))
    } catch (error) {
      events.stepFailed(current, error)
      await this.#parkBroken(current)
    }
  }

  /** A fault of ours: it comes back as after a failure, and does not come back for ever. */
  async #parkBroken(notification: Notification): Promise<void> {
    const { records, limits, nowMs } = this.#parts
    const { roundsMax } = limitsOf(notification.priority, limits)
    await records.change(notification, (latest) => {
      if (!isOpen(latest) || latest.lease !== notification.lease) return undefined
      const round = latest.round + 1
      const atMs = nowMs() + roundPauseMs(latest, latest.round, limits)
      return round >= roundsMax
        ? giveUp(latest, 'FAULT', nowMs())
        : nextRound(latest, { round, atMs, dueMs: atMs })
    })
  }

  /** The record after one step; undefined where it waits now or is at its end. */
  async #step(notification: Notification, known: Recipient | undefined): Promise<Notification | undefined> {
    const { records, receipts, limits, quietHours, links, events, nowMs } = this.#parts
    const current = await receipts.applyEarly(notification, nowMs())
    if (!isOpen(current)) return current
    const recipient = known ?? (await this.#findRecipient(current))
    const addresses = recipient === 'away' ? undefined : await this.#usable(current, recipient?.addresses)
    const now = nowMs()
    const settled = settleAttempts(current, now)
    const decision = decide({
      notification: settled,
      nowMs: now,
      steps: addresses === undefined ? undefined : this.#stepsOf(settled, addresses),
      quietUntilMs: findQuietEndMs(now, quietHours),
      isCutOff: (provider) => links.get(provider)?.isCutOff ?? true,
      limits,
    })
    const change = (apply: (latest: Notification) => Notification): Promise<Notification> =>
      records.change(current, (latest) =>
        isOpen(latest) && latest.lease === current.lease ? apply(settleAttempts(latest, now)) : undefined,
      )
    switch (decision.kind) {
      case 'send':
      case 'resume':
        if (recipient === 'away') {
          await change((latest) => ({ ...latest, dueMs: now + BUSY_AGAIN_MS }))
          return undefined
        }
        return await this.#handOver(current, decision, recipient, addresses)
      case 'late':
        events.late(current)
        return await change((latest) => markLate(latest, now))
      case 'wait':
        await change((latest) => ({ ...latest, dueMs: decision.untilMs }))
        return undefined
      case 'retry':
        events.retryScheduled(current, decision.round, decision.atMs - now)
        await change((latest) => nextRound(latest, decision))
        return undefined
      case 'sent':
        events.ended(await change(endAsSent), 'sent')
        return undefined
      case 'failed':
        events.ended(await change((latest) => giveUp(latest, decision.failure, now)), 'failed')
        return undefined
    }
  }

  async #findRecipient(notification: Notification): Promise<Recipient | undefined | 'away'> {
    try {
      return await this.#parts.recipients.find(notification)
    } catch (error) {
      if (isAway(error)) return 'away'
      throw error
    }
  }

  /**
   * Without what bounced before. At high priority that is the last resort
   * instead: a number that was out of service in spring may be a mother's today.
   */
  async #usable(
    { priority, channels, standIns }: Notification,
    addresses: Addresses | undefined,
  ): Promise<Map<Channel, readonly string[]>> {
    const wanted = [...channels, ...standIns].map((channel) => [channel, addresses?.[channel] ?? []] as const)
    const isSuppressed = await this.#parts.suppressions.find(Object.fromEntries(wanted))
    const usable = new Map<Channel, readonly string[]>()
    const lastResort = new Map<Channel, readonly string[]>()
    for (const [channel, all] of wanted) {
      const good = all.filter((address) => !isSuppressed(channel, address))
      if (good.length > 0) usable.set(channel, good)
      else if (all.length > 0 && priority === 'high') lastResort.set(channel, all)
    }
    return new Map([...usable, ...lastResort])
  }

  #stepsOf(
    { template, templateVersion }: Notification,
    addresses: ReadonlyMap<Channel, readonly string[]>,
  ): Step[] {
    const found = this.#parts.templates.find(template, templateVersion)
    const written: readonly Channel[] = found === undefined ? [] : channelsOf(found)
    const links = [...this.#parts.links.values()]
    return [...addresses.keys()]
      .filter((channel) => written.includes(channel))
      .flatMap((channel) =>
        links
          .filter(({ provider }) => provider.channel === channel)
          .map(({ provider: { name, hasReceipts } }) => ({ channel, provider: name, hasReceipts })),
      )
  }

  async #handOver(
    notification: Notification,
    decision: Extract<Decision, { kind: 'send' | 'resume' }>,
    recipient: Recipient | undefined,
    addresses: ReadonlyMap<Channel, readonly string[]> | undefined,
  ): Promise<Notification | undefined> {
    const { handovers, links, records, nowMs } = this.#parts
    const resumes = decision.kind === 'resume' ? decision.attempt : undefined
    const step =
      decision.kind === 'resume'
        ? { ...decision.attempt, hasReceipts: decision.attempt.awaitsReceipt }
        : decision.step
    const link = links.get(step.provider)
    if (link === undefined) throw new Error(`there is no provider ${step.provider} any more`)
    const leave = await link.enter(notification.priority, GATE_WAIT_MS)
    if (leave === undefined) {
      await records.change(notification, (latest) =>
        latest.version === notification.version ? { ...latest, dueMs: nowMs() + BUSY_AGAIN_MS } : undefined,
      )
      return undefined
    }
    try {
      return await handovers.run(notification, {
        link,
        step,
        resumes,
        deadlineMs: decision.deadlineMs,
        addresses: addresses?.get(step.channel) ?? [],
        content:
          recipient === undefined ? 'NO_ADDRESS' : this.#contentOf(notification, step.channel, recipient),
      })
    } finally {
      leave()
    }
  }

  /** What is sent, or why it cannot be. */
  #contentOf(
    notification: Notification,
    channel: Channel,
    { locale, personName }: Recipient,
  ): Content | string {
    const { templates, ring, quietHours, events } = this.#parts
    const template = templates.find(notification.template, notification.templateVersion)
    if (template === undefined) return 'NO_TEMPLATE'
    const data = openData(ring, notification)
    if (data === undefined) return 'DATA_UNREADABLE'
    const content = render(template, { channel, locale, personName, data, zone: quietHours.zone })
    if (content !== undefined) return content
    events.textNotRegistered(notification)
    return 'TEXT_NOT_REGISTERED'
  }

  /** Splits a group into single messages, then sends them all at once. */
  async #expand(group: Notification): Promise<void> {
    const { recipients, records, events, nowMs } = this.#parts
    let people: readonly Recipient[]
    try {
      people = await recipients.list(group)
    } catch (error) {
      if (!isAway(error)) throw error
      await this.#waitForDirectory(group)
      return
    }
    if (people.length === 0) {
      events.ended(await records.change(group, (latest) => giveUp(latest, 'NO_RECIPIENT', nowMs())), 'failed')
      return
    }
    const messages = people.flatMap((recipient) =>
      channelsFor(group, recipient).map((channel) => ({
        recipient,
        child: {
          ...childOf(group, {
            id: childId(group, recipient.contact, channel),
            contact: recipient.contact,
            channel,
          }),
          dueMs: nowMs() + LEASE_MS,
        },
      })),
    )
    const created = await records.createMany(messages.map(({ child }) => child))
    const expanded = await records.change(group, (latest) =>
      latest.lease === group.lease && isOpen(latest)
        ? endAsExpanded(
            latest,
            messages.map(({ child }) => child.id),
          )
        : undefined,
    )
    events.expanded(expanded, messages.length)
    const byId = new Map(messages.map(({ child, recipient }) => [child.id, recipient]))
    await Promise.all(created.map((child) => this.advance(child, byId.get(child.id))))
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
