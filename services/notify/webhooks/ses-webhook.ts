/** Amazon SES reports by SNS: signed messages of a topic, to which the address subscribes first. */
import { X509Certificate } from 'node:crypto'
import type { Log } from '@hushryd/kernel/log.ts'
import { type Fields, fieldsOf, parseJson, textOf } from '../providers/json.ts'
import { isSignedBy, isSnsAddress } from './sns-message.ts'
import { accept, type ReceivedReceipt, refuse, type WebhookRequest, type WebhookResult } from './webhook.ts'

export interface SesWebhookOptions {
  readonly topicArn: string
  /** A sandbox's in place of Amazon's. */
  readonly snsOrigin: string | undefined
  readonly log: Log
}

const FETCH_TIMEOUT_MS = 5000
/** SNS changes its certificate about once a year; two may be in use meanwhile. */
const CERTIFICATES_MAX = 4
/** A certificate has 2 KB. */
const CERTIFICATE_CHARS_MAX = 20_000

/** https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html */
function statusOf(event: Fields): ReceivedReceipt['status'] | undefined {
  // By configuration set, or by the older feedback of an identity.
  switch (event.eventType ?? event.notificationType) {
    case 'Send':
      return 'sent'
    case 'Delivery':
      return 'delivered'
    case 'Open':
      return 'read'
    case 'Bounce':
      return fieldsOf(event.bounce).bounceType === 'Permanent' ? 'bounced' : 'failed'
    case 'Reject':
    case 'Rendering Failure':
      return 'failed'
    default:
      return undefined
  }
}

function readReceipts(message: Fields): readonly ReceivedReceipt[] {
  const event = fieldsOf(parseJson(textOf(message.Message)))
  const status = statusOf(event)
  const providerId = textOf(fieldsOf(event.mail).messageId)
  if (status === undefined || providerId === '') return []
  const errorCode = textOf(fieldsOf(event.bounce).bounceSubType)
  return [
    {
      provider: 'ses',
      providerId,
      eventId: textOf(message.MessageId),
      status,
      atMs: Date.parse(textOf(message.Timestamp)) || 0,
      ...(errorCode === '' ? {} : { errorCode }),
    },
  ]
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${new URL(url).host} answers ${response.status}`)
  return text
}

export class SesWebhooks {
  readonly #options: SesWebhookOptions
  readonly #certificates = new Map<string, Promise<X509Certificate>>()

  constructor(options: SesWebhookOptions) {
    this.#options = options
  }

  async read({ body }: WebhookRequest, nowMs: number): Promise<WebhookResult> {
    const { topicArn, snsOrigin, log } = this.#options
    const message = fieldsOf(parseJson(body))
    const certificateUrl = textOf(message.SigningCertURL)
    // Before anything is fetched: nobody can have us call an address of his choice.
    if (message.TopicArn !== topicArn || !isSnsAddress(certificateUrl, snsOrigin))
      return refuse('bad_signature')
    let certificate: X509Certificate
    try {
      certificate = await this.#certificate(certificateUrl)
    } catch (error) {
      log.warn({ err: error }, 'the certificate of SNS cannot be had; SNS tries again')
      return refuse('unavailable')
    }
    if (!isSignedBy(certificate, message, nowMs)) return refuse('bad_signature')
    if (message.Type === 'SubscriptionConfirmation') return await this.#confirm(textOf(message.SubscribeURL))
    return accept(readReceipts(message), Date.parse(textOf(message.Timestamp)) || 0)
  }

  async #certificate(url: string): Promise<X509Certificate> {
    const known = this.#certificates.get(url)
    if (known !== undefined) return await known
    if (this.#certificates.size >= CERTIFICATES_MAX) this.#certificates.clear()
    const fetched = fetchText(url).then((pem) => new X509Certificate(pem.slice(0, CERTIFICATE_CHARS_MAX)))
    this.#certificates.set(url, fetched)
    fetched.catch(() => this.#certificates.delete(url))
    return await fetched
  }

  async #confirm(subscribeUrl: string): Promise<WebhookResult> {
    const { snsOrigin, log } = this.#options
    if (!isSnsAddress(subscribeUrl, snsOrigin)) return refuse('malformed')
    try {
      await fetchText(subscribeUrl)
    } catch (error) {
      log.warn({ err: error }, 'the subscription at SNS could not be confirmed; SNS tries again')
      return refuse('unavailable')
    }
    log.info('the subscription at SNS is confirmed')
    return accept([])
  }
}
