/**
 * Sends at once what a service has written itself, by one provider after the
 * other, and answers how it ended. Number and text are nowhere but in this call
 * and at the provider; the record has the attempts.
 */
import { randomUUID } from 'node:crypto'
import { notificationId } from '@hushryd/kernel/queued-notification.ts'
import type { NotifyEvents } from './events.ts'
import type { Handovers } from './handover.ts'
import { type Notification, newNotification } from './notification.ts'
import type { Channel, ProviderName } from './provider.ts'
import type { ProviderLink } from './provider-link.ts'
import type { Records } from './records.ts'
import type { Content } from './template.ts'

export interface DirectParts {
  readonly records: Records
  readonly handovers: Handovers
  readonly links: ReadonlyMap<ProviderName, ProviderLink>
  readonly events: NotifyEvents
  readonly nowMs: () => number
}

export interface DirectMessage {
  readonly caller: string
  readonly idempotencyKey: string
  readonly channel: Channel
  readonly userId: string
  readonly addresses: readonly string[]
  readonly content: Content
}

export interface DirectOutcome {
  readonly notificationId: string
  readonly isAccepted: boolean
  readonly provider: string
  readonly code: string
}

/** Callers wait for it. */
const GATE_WAIT_MS = 1_000
const HANDOVER_MS = 5_000

function outcomeOf({ id, attempts }: Notification): DirectOutcome {
  const taken = attempts.find(({ status }) => status !== 'not_sent' && status !== 'started')
  const last = attempts.at(-1)
  return {
    notificationId: id,
    isAccepted: taken !== undefined,
    provider: taken?.provider ?? '',
    code: taken === undefined ? (last?.code ?? 'PROVIDERS_AWAY') : '',
  }
}

export class Direct {
  readonly #parts: DirectParts

  constructor(parts: DirectParts) {
    this.#parts = parts
  }

  async send(message: DirectMessage): Promise<DirectOutcome> {
    const { records, links } = this.#parts
    const { channel } = message
    const first = this.#recordOf(message)
    // Without MongoDB it is sent all the same, and a repeat may be a second message.
    const created = await records.create(first)
    if (created === 'exists' || created === 'kept_before')
      return outcomeOf((await records.find(first.id)) ?? first)
    let current: Notification = { ...first, version: 1 }
    for (const link of links.values()) {
      if (link.provider.channel !== channel || link.isCutOff) continue
      current = await this.#try(current, link, message)
      if (outcomeOf(current).isAccepted) break
    }
    const outcome = outcomeOf(current)
    this.#parts.events.ended(
      await records.change(current, (latest) => {
        // A receipt may have been faster, and said that it arrived or that it failed.
        const { isAccepted, code } = outcomeOf(latest)
        const state = latest.state === 'delivered' ? 'delivered' : isAccepted ? 'sent' : 'failed'
        return { ...latest, state, failure: code, dueMs: undefined }
      }),
      outcome.isAccepted ? 'sent' : 'failed',
    )
    return outcome
  }

  #recordOf({ caller, idempotencyKey, channel, userId }: DirectMessage): Notification {
    const nowMs = this.#parts.nowMs()
    return {
      ...newNotification({
        id: notificationId(`${caller}:direct`, idempotencyKey),
        recipients: 'direct',
        userId,
        channels: [channel],
        template: '',
        templateVersion: 0,
        sealedData: '',
        priority: 'high',
        idempotencyKey,
        reportTo: '',
        correlationId: '',
        acceptedMs: nowMs,
      }),
      standIns: [],
      lease: randomUUID(),
      // Nobody else could go on with it: what is to be sent is not on record.
      dueMs: undefined,
    }
  }

  async #try(current: Notification, link: ProviderLink, message: DirectMessage): Promise<Notification> {
    const { handovers, nowMs } = this.#parts
    const leave = await link.enter('high', GATE_WAIT_MS)
    if (leave === undefined) return current
    const { name, hasReceipts } = link.provider
    try {
      return await handovers.run(current, {
        link,
        addresses: message.addresses,
        content: message.content,
        step: { channel: message.channel, provider: name, hasReceipts },
        deadlineMs: nowMs() + HANDOVER_MS,
        resumes: undefined,
      })
    } finally {
      leave()
    }
  }
}
