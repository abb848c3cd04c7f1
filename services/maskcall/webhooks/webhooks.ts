/** What providers post, from the first byte to the answer. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { CallLog } from '../call-log.ts'
import type { MaskcallEvents } from '../events.ts'
import { type Inbound, type InboundCall, inboundCallId } from '../inbound.ts'
import { MESSAGES } from '../messages.ts'
import type {
  VoiceProvider,
  WebhookAnswer,
  WebhookKind,
  WebhookReading,
  WebhookRefusal,
  WebhookRequest,
} from '../voice-provider.ts'
import { type Replays, requestKey } from './replays.ts'

export interface WebhooksParts {
  readonly providers: readonly VoiceProvider[]
  readonly inbound: Inbound
  readonly callLog: CallLog
  readonly replays: Replays
  readonly events: MaskcallEvents
}

const STATUSES: Readonly<Record<WebhookRefusal, number>> = {
  not_configured: 404,
  bad_signature: 403,
  malformed: 400,
  replayed: 409,
}

export class Webhooks {
  readonly #parts: WebhooksParts

  constructor(parts: WebhooksParts) {
    this.#parts = parts
  }

  async take(providerName: string, kind: WebhookKind, request: WebhookRequest): Promise<WebhookAnswer> {
    const provider = this.#parts.providers.find(({ name }) => name === providerName)
    if (provider === undefined) return this.#refuse(providerName, 'not_configured')
    const reading = provider.readWebhook(kind, request)
    if (reading.kind === 'refused') return this.#refuse(providerName, reading.reason)
    return await this.#answer(provider, reading, requestKey(provider.name, request))
  }

  async #answer(
    provider: VoiceProvider,
    reading: Exclude<WebhookReading, { kind: 'refused' }>,
    key: string,
  ): Promise<WebhookAnswer> {
    const { replays, events } = this.#parts
    switch (reading.kind) {
      case 'report':
        return await this.#report(provider, reading, key)
      case 'inbound':
        return await this.#pickUp(provider, reading, key)
      case 'sms':
        if (!(await replays.isFirst(key))) return this.#refuse(provider.name, 'replayed')
        events.smsRefused(provider.name)
        return provider.writeSms(MESSAGES.sms)
    }
  }

  /** Somebody is on the phone: also while a store is away he hears words, and not the provider's error. */
  async #pickUp(provider: VoiceProvider, call: InboundCall, key: string): Promise<WebhookAnswer> {
    const { inbound, replays, events } = this.#parts
    try {
      // Taken before it is answered: of two at once one gets no answer.
      if (!(await replays.isFirst(key))) return this.#refuse(provider.name, 'replayed')
      return provider.writeInbound(call.ask, await inbound.answer(provider.name, call))
    } catch (error) {
      if (!(error instanceof DomainError) || error.reason !== ErrorReason.ERROR_REASON_UNAVAILABLE)
        throw error
      events.inbound(provider.name, 'unavailable')
      return provider.writeInbound(call.ask, { kind: 'say', text: MESSAGES.unavailable })
    }
  }

  /** Known only after it was written down: where that fails, the provider's next try is no replay. */
  async #report(
    provider: VoiceProvider,
    { call, reports }: Extract<WebhookReading, { kind: 'report' }>,
    key: string,
  ): Promise<WebhookAnswer> {
    const { callLog, replays, events } = this.#parts
    if (await replays.isKnown(key)) return this.#refuse(provider.name, 'replayed')
    const id = 'callId' in call ? call.callId : inboundCallId(provider.name, call.providerCallId)
    const outcome = await callLog.report(id, provider.name, reports)
    // Such as the end of a stranger's call.
    if (outcome !== 'taken') events.strayReport(provider.name, outcome)
    await replays.isFirst(key)
    return provider.writeReported()
  }

  #refuse(provider: string, reason: WebhookRefusal): WebhookAnswer {
    this.#parts.events.webhookRefused(provider, reason)
    return { status: STATUSES[reason], contentType: 'text/plain', body: '' }
  }
}
