/** What masked calls need of a provider of telephony. Adapters live in providers/, fakes in tests. */
import type { CallReport } from './call.ts'
import type { PhoneNumber } from './phone-number.ts'

export const PROVIDER_NAMES = ['twilio', 'exotel'] as const
export type ProviderName = (typeof PROVIDER_NAMES)[number]

export interface OutgoingCall {
  readonly callId: string
  /** The caller id of both legs: one of this provider's own numbers. */
  readonly virtualNumber: string
  /** Rung first. */
  readonly caller: PhoneNumber
  readonly callee: PhoneNumber
  readonly isRecorded: boolean
}

/** A call in which something is said, and nobody is connected. */
export interface SpokenCall {
  /** The caller id: one of this provider's own numbers. */
  readonly virtualNumber: string
  readonly callee: PhoneNumber
  /** BCP 47. */
  readonly language: 'en-IN' | 'hi-IN' | 'te-IN'
  readonly text: string
}

/** The outcomes that a caller branches on. */
export type PlaceResult =
  | { readonly kind: 'placed' }
  /** The provider has looked at the call and does not want it. */
  | { readonly kind: 'refused'; readonly code: string }

/** What a call to a virtual number gets. */
export type InboundAnswer =
  | {
      readonly kind: 'connect'
      readonly callId: string
      readonly virtualNumber: string
      readonly callee: PhoneNumber
      readonly isRecorded: boolean
    }
  | { readonly kind: 'say'; readonly text: string }

export type WebhookKind = 'voice' | 'call-status' | 'sms'

export interface WebhookRequest {
  /** The public address that was called, with its query. */
  readonly url: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** As it came: signatures are over these bytes. */
  readonly body: Uint8Array
}

export interface WebhookAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export type WebhookRefusal = 'not_configured' | 'bad_signature' | 'malformed' | 'replayed'

export type WebhookReading =
  | {
      readonly kind: 'inbound'
      /**
       * `answer`: the call waits for what to do. `route` and `message` are
       * steps of a flow that asks several times: whether it will be
       * connected, and what else to say.
       */
      readonly ask: 'route' | 'answer' | 'message'
      readonly providerCallId: string
      /** E.164. */
      readonly from: PhoneNumber
      readonly to: string
    }
  | {
      readonly kind: 'report'
      /** Ours, or the provider's for a call that came in. */
      readonly call: { readonly callId: string } | { readonly providerCallId: string }
      readonly reports: readonly CallReport[]
    }
  | { readonly kind: 'sms' }
  | { readonly kind: 'refused'; readonly reason: WebhookRefusal }

export interface VoiceProvider {
  readonly name: ProviderName
  /** Throws only where the provider is unreachable, too slow or broken: what counts for its circuit breaker. */
  placeCall(call: OutgoingCall, signal: AbortSignal): Promise<PlaceResult>
  /** As `placeCall`. */
  announce(call: SpokenCall, signal: AbortSignal): Promise<PlaceResult>
  /** Never throws for what was posted. */
  readWebhook(kind: WebhookKind, request: WebhookRequest): WebhookReading
  writeInbound(ask: 'route' | 'answer' | 'message', answer: InboundAnswer): WebhookAnswer
  writeReported(): WebhookAnswer
  writeSms(text: string): WebhookAnswer
}
