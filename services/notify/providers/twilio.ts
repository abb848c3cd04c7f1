/** SMS by Twilio's Messages API. */
import { AsyncLocalStorage } from 'node:async_hooks'
import twilio from 'twilio'
import type { OutgoingMessage, Provider, SendResult } from '../provider.ts'
import { badAccount, badAddress, badMessage, type RefusalRule, refused, refusedByStatus } from './refusal.ts'
import { isUnavailableStatus, ProviderUnavailable, unavailable } from './unavailable.ts'

export interface TwilioOptions {
  readonly baseUrl: string
  readonly accountSid: string
  readonly authToken: string
  /** Where the message has no registered header of its own: a number or sender id of the account. */
  readonly from: string
  /** Where Twilio reports what became of a message; it signs exactly this address. */
  readonly statusCallback: string
}

/** https://www.twilio.com/docs/api/errors; those that concern one outgoing message. */
const REFUSALS: Readonly<Record<number, RefusalRule>> = {
  20003: badAccount('the credentials are not accepted'),
  20005: badAccount('the account is not active'),
  21211: badAddress('the recipient is no phone number'),
  21217: badAddress('the recipient is no phone number'),
  21408: badMessage('the account may not send to this region'),
  21602: badMessage('the text is missing'),
  21603: badAccount('the sender is missing'),
  21606: badAccount('the sender is not of this account'),
  21608: badAccount('a trial account sends only to verified numbers'),
  21610: badAddress('the recipient has opted out'),
  21611: badAccount('the sender has too many messages waiting'),
  21612: badMessage('there is no route from this sender to the recipient'),
  21614: badAddress('the recipient is no mobile number'),
  21617: badMessage('the text is too long'),
  21659: badAccount('the sender is not of this account'),
  21660: badAccount('the sender does not belong to this account'),
  30034: badAccount('the sender is not registered'),
  63038: badAccount('the account has reached its messages of the day'),
}

/** Well above what one process has under way; Twilio's own cap on requests under way answers with 429. */
const SOCKETS_MAX = 256

/**
 * The SDK's HTTP client with two additions: another address than Twilio's
 * own, and the caller's signal, for which the SDK's methods have no place.
 */
class TwilioRequests extends twilio.RequestClient {
  readonly #signals = new AsyncLocalStorage<AbortSignal>()

  constructor(baseUrl: string) {
    super({ maxSockets: SOCKETS_MAX, maxTotalSockets: SOCKETS_MAX })
    const prefix = baseUrl.replace(/\/$/, '')
    this.axios.interceptors.request.use((config) => {
      const { pathname, search } = new URL(config.url ?? '')
      config.url = prefix + pathname + search
      const signal = this.#signals.getStore()
      if (signal !== undefined) config.signal = signal
      return config
    })
  }

  until<T>(signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    return this.#signals.run(signal, send)
  }
}

/** RestException and TwilioServiceException alike: an answer that is no success. */
function findAnswer(error: unknown): { readonly status: number; readonly code: number } | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined
  if ('isAxiosError' in error) return undefined
  const code = 'code' in error && typeof error.code === 'number' ? error.code : error.status
  return { status: error.status, code }
}

export function createTwilio(options: TwilioOptions): Provider {
  const { baseUrl, accountSid, authToken, from, statusCallback } = options
  const requests = new TwilioRequests(baseUrl)
  // TWILIO_LOG_LEVEL=debug in the environment would have the SDK print requests.
  const client = twilio(accountSid, authToken, { httpClient: requests, accountSid, logLevel: 'none' })

  return {
    name: 'twilio',
    channel: 'sms',
    hasReceipts: true,
    async send(message: OutgoingMessage, signal: AbortSignal): Promise<SendResult> {
      try {
        const { sid } = await requests.until(signal, () =>
          client.messages.create({
            to: message.to,
            // In India the operators know the sender by its registered header.
            from: message.dlt?.headerId ?? from,
            body: message.text,
            statusCallback,
          }),
        )
        return { kind: 'accepted', providerId: sid }
      } catch (error) {
        const answer = findAnswer(error)
        if (answer === undefined) throw unavailable('twilio', error, signal)
        const rule = REFUSALS[answer.code]
        if (rule !== undefined) return refused(answer.code, rule)
        if (isUnavailableStatus(answer.status)) throw new ProviderUnavailable('twilio', String(answer.code))
        return refusedByStatus(answer.status, answer.code)
      }
    },
  }
}
