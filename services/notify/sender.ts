/**
 * Carries a notification forward: looks up whom it is for, asks the plan what
 * to do, does it, and goes on until there is something to wait for. What is
 * waited for is the record's `dueMs`, which the timers watch; so a crash at any
 * point leaves a record from which any process goes on.
 */
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { NotifyEvents } from './events.ts'
import type { Expander } from './expander.ts'
import type { Handovers } from './handover.ts'
import { isGroup, isOpen, type Notification } from './notification.ts'
import { type Decision, decide, limitsOf, type PlanLimits, roundPauseMs, type Step } from './plan.ts'
import type { Channel, ProviderName, SendResult } from './provider.ts'
import type { ProviderLink } from './provider-link.ts'
import { findQuietEndMs, type QuietHours } from './quiet-hours.ts'
import type { Receipts } from './receipts.ts'
import { type Addresses, isAway, type Recipient, type Recipients } from './recipients.ts'
import type { Records } from './records.ts'
import { openData } from './sealed-data.ts'
import type { Suppressions } from './suppressions.ts'
import { type Content, channelsOf, render } from './template.ts'
import type { Templates } from './template-files.ts'
import {
  endAsSent,
  endAttempt,
  endDirect,
  giveUp,
  markLate,
  nextRound,
  settleAttempts,
} from './transitions.ts'

export interface SenderParts {
  readonly records: Records
  readonly recipients: Recipients
  readonly suppressions: Suppressions
  readonly receipts: Receipts
  readonly handovers: Handovers
  readonly expander: Expander
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
const NO_PROVIDER: SendResult = { kind: 'refused', code: 'NO_PROVIDER', isPermanent: true, detail: '' }

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
        if (current.recipients === 'direct') return await this.#endDirect(current)
        if (isGroup(current)) {
          const messages = await this.#parts.expander.expand(current)
          await Promise.all(messages.map((message) => this.advance(message.notification, message.recipient)))
          return
        }
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
      // Where this fails too, the lease runs out and the timers come.
      await this.#parkBroken(current).catch((again: unknown) => events.stepFailed(current, again))
    }
  }

  /** Its process has died, or its receipt says that it failed. */
  async #endDirect(notification: Notification): Promise<void> {
    const { records, events, nowMs } = this.#parts
    const ended = await records.change(notification, (latest) =>
      isOpen(latest) && latest.lease === notification.lease ? endDirect(latest, nowMs()) : undefined,
    )
    events.ended(ended, ended.state === 'failed' ? 'failed' : 'sent')
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
    const { handovers, links, records, events, nowMs } = this.#parts
    const resumes = decision.kind === 'resume' ? decision.attempt : undefined
    const step =
      decision.kind === 'resume'
        ? { ...decision.attempt, hasReceipts: decision.attempt.awaitsReceipt }
        : decision.step
    const link = links.get(step.provider)
    if (link === undefined) {
      // The settings have lost it since the attempt began: steps name only those that are there.
      const number = notification.attempts.length
      return await records.change(notification, (latest) => endAttempt(latest, number, NO_PROVIDER, nowMs()))
    }
    const leave = await link.enter(notification.priority, GATE_WAIT_MS)
    if (leave === undefined) {
      await records.change(notification, (latest) =>
        latest.version === notification.version ? { ...latest, dueMs: nowMs() + BUSY_AGAIN_MS } : undefined,
      )
      return undefined
    }
    try {
      const after = await handovers.run(notification, {
        link,
        step,
        resumes,
        deadlineMs: decision.deadlineMs,
        addresses: addresses?.get(step.channel) ?? [],
        content:
          recipient === undefined ? 'NO_ADDRESS' : this.#contentOf(notification, step.channel, recipient),
      })
      const attempt = after.attempts.at(-1)
      if (attempt?.status !== 'accepted') return after
      // Its receipt, or the end of its time, takes it up again.
      if (!attempt.awaitsReceipt) events.ended(after, 'sent')
      return undefined
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
}
