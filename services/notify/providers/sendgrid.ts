/** E-mail by SendGrid's v3 Mail Send. */
import sharedClient from '@sendgrid/client'
import sharedMail from '@sendgrid/mail'
import type { OutgoingMessage, Provider, SendResult } from '../provider.ts'
import { fieldsOf } from './json.ts'
import { badAccount, badAddress, badMessage, refused, refusedByStatus } from './refusal.ts'
import { isUnavailableStatus, ProviderUnavailable, readRetryAfterMs, unavailable } from './unavailable.ts'

export interface SendgridOptions {
  readonly baseUrl: string
  readonly apiKey: string
  readonly from: { readonly email: string; readonly name: string }
  readonly hasReceipts: boolean
}

// The packages' types know only the instances that all of a process would share.
const Client = sharedClient.constructor as new () => typeof sharedClient
const MailService = sharedMail.constructor as new () => typeof sharedMail
type ClientRequest = Parameters<typeof sharedClient.createRequest>[0]

/** The SDK's client with the caller's signal, which it hands to axios with the rest of the request. */
class SignalledClient extends Client {
  readonly #signal: AbortSignal

  constructor({ apiKey, baseUrl }: SendgridOptions, signal: AbortSignal) {
    super()
    this.#signal = signal
    this.setApiKey(apiKey)
    // After the key, which sets the address of SendGrid's region.
    this.setDefaultRequest('baseUrl', baseUrl)
  }

  override createRequest(data: ClientRequest): ClientRequest {
    return Object.assign(super.createRequest(data), { signal: this.#signal, maxRedirects: 0 })
  }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
}

/** Of the SDK's ResponseError; what it throws for a broken connection has no `response`. */
function findAnswer(error: unknown): Answer | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'number') return undefined
  const response = fieldsOf('response' in error ? error.response : undefined)
  return { status: error.code, headers: fieldsOf(response.headers), body: fieldsOf(response.body) }
}

function firstError(body: Answer['body']): { readonly field: string; readonly message: string } {
  const first = fieldsOf(Array.isArray(body.errors) ? body.errors[0] : undefined)
  return { field: String(first.field ?? ''), message: String(first.message ?? '') }
}

/** https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses */
function refusal({ status, body }: Answer): SendResult {
  const { field, message } = firstError(body)
  if (status === 400 && /^personalizations\.\d+\.to\b.*email$/.test(field))
    return refused('invalid_to', badAddress('the recipient is no e-mail address'))
  if (status === 400 && field !== '') return refused('invalid_request', badMessage('a field is not accepted'))
  if (status === 401 && /credits exceeded/i.test(message))
    return refused('credits_exceeded', badAccount('the credits are used up'))
  if (status === 401) return refused(401, badAccount('the key is not accepted'))
  if (status === 403)
    return refused(403, badAccount('the sender is not verified, or the key lacks the right'))
  if (status === 413) return refused(413, badMessage('the message is too large'))
  return refusedByStatus(status)
}

export function createSendgrid(options: SendgridOptions): Provider {
  return {
    name: 'sendgrid',
    channel: 'email',
    hasReceipts: options.hasReceipts,
    async send(message: OutgoingMessage, signal: AbortSignal): Promise<SendResult> {
      const mail = new MailService()
      mail.setClient(new SignalledClient(options, signal))
      try {
        const [response] = await mail.send({
          from: options.from,
          subject: message.subject ?? '',
          personalizations: [{ to: message.to, customArgs: { attempt_id: message.attemptId } }],
          content: [
            { type: 'text/plain', value: message.text },
            ...(message.html === undefined ? [] : [{ type: 'text/html', value: message.html }]),
          ],
          // A link in an alert must lead where it says, and tell nobody that it was followed.
          trackingSettings: {
            clickTracking: { enable: false, enableText: false },
            openTracking: { enable: false },
          },
        })
        const id = fieldsOf(response.headers)['x-message-id']
        if (typeof id !== 'string') throw new ProviderUnavailable('sendgrid', 'no_message_id')
        return { kind: 'accepted', providerId: id }
      } catch (error) {
        if (error instanceof ProviderUnavailable) throw error
        const answer = findAnswer(error)
        if (answer === undefined) throw unavailable('sendgrid', error, signal)
        if (isUnavailableStatus(answer.status))
          throw new ProviderUnavailable(
            'sendgrid',
            String(answer.status),
            readRetryAfterMs(answer.headers['retry-after']),
          )
        return refusal(answer)
      }
    },
  }
}
