/**
 * Amazon SES v2, and SNS, by which it reports: a certificate, signed messages,
 * and a subscription that the customer confirms before any come.
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 */
import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { fieldsOf, headerOf, jsonOf, type SandboxReply, type WebhookPost } from '../exchange.ts'
import type { SandboxKeys } from '../keys.ts'
import { type ReceiptEvent, type SandboxProvider, take, type WebhookUrl } from '../sandbox-provider.ts'

const CERTIFICATE_PATH = '/SimpleNotificationService-sandbox.pem'
/** On the thread pool: a signature takes as long as a hundred messages. */
const signAsync = promisify(sign)

const STATUS_OF: Readonly<Record<string, number>> = {
  AccountSuspendedException: 400,
  BadRequestException: 400,
  LimitExceededException: 400,
  MailFromDomainNotVerifiedException: 400,
  MessageRejected: 400,
  NotFoundException: 404,
  SendingPausedException: 400,
  SignatureDoesNotMatch: 403,
  TooManyRequestsException: 429,
  UnrecognizedClientException: 403,
}

function refusal(code: string): SandboxReply | undefined {
  const status = STATUS_OF[code]
  if (status === undefined) return undefined
  return { status, headers: { 'x-amzn-errortype': code }, body: { message: `${code} by request` } }
}

/** Both from header and key id; what is signed is not checked again. */
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/[a-z0-9-]+\/ses\/aws4_request, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$/

export interface SesSandboxOptions {
  readonly keys: SandboxKeys['ses']
  readonly webhookUrl: WebhookUrl
  /** The sandbox's own address. */
  readonly origin: () => string
}

export function sesSandbox({ keys, webhookUrl, origin }: SesSandboxOptions): SandboxProvider {
  const about = { name: 'ses', channel: 'email' } as const
  const key = createPrivateKey(keys.snsPrivateKey)
  const token = randomUUID()
  let isConfirmed = false

  async function snsPost(message: Readonly<Record<string, string>>): Promise<WebhookPost> {
    const text = Object.entries(message)
      .sort(([one], [two]) => (one < two ? -1 : 1))
      .map(([name, value]) => `${name}\n${value}\n`)
      .join('')
    const signature = await signAsync('sha256', Buffer.from(text), key)
    return {
      url: webhookUrl('ses'),
      // SNS sends JSON under this type.
      headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': message.Type ?? '' },
      body: JSON.stringify({
        ...message,
        SignatureVersion: '2',
        Signature: signature.toString('base64'),
        SigningCertURL: `${origin()}${CERTIFICATE_PATH}`,
      }),
    }
  }

  const envelope = () => ({
    MessageId: randomUUID(),
    Timestamp: new Date().toISOString(),
    TopicArn: keys.topicArn,
  })

  function notification({ message, status, atMs }: ReceiptEvent): Promise<WebhookPost> {
    const mail = { messageId: message.id, timestamp: message.at, destination: [message.to] }
    const timestamp = new Date(atMs).toISOString()
    const event = {
      sent: { eventType: 'Send', mail, send: {} },
      delivered: { eventType: 'Delivery', mail, delivery: { timestamp, recipients: [message.to] } },
      failed: {
        eventType: 'Bounce',
        mail,
        bounce: { bounceType: 'Permanent', bounceSubType: 'General', timestamp },
      },
    }[status]
    return snsPost({ ...envelope(), Type: 'Notification', Message: JSON.stringify(event) })
  }

  function confirmation(): Promise<WebhookPost> {
    const query = new URLSearchParams({
      Action: 'ConfirmSubscription',
      TopicArn: keys.topicArn,
      Token: token,
    })
    return snsPost({
      ...envelope(),
      Type: 'SubscriptionConfirmation',
      Message: 'You have chosen to subscribe to the topic. To confirm, visit the SubscribeURL.',
      SubscribeURL: `${origin()}/?${query}`,
      Token: token,
    })
  }

  return {
    ...about,
    matches: ({ method, path }) => method === 'POST' && path === '/v2/email/outbound-emails',
    receive(request) {
      const [, keyId] = AUTHORIZATION.exec(headerOf(request, 'authorization')) ?? []
      if (keyId !== keys.accessKeyId || headerOf(request, 'x-amz-date') === '')
        return {
          reply: refusal('UnrecognizedClientException') ?? { status: 403, body: {} },
          taken: [],
        }
      const mail = jsonOf(request)
      const [to] = (fieldsOf(mail.Destination).ToAddresses as unknown[] | undefined) ?? []
      const simple = fieldsOf(fieldsOf(mail.Content).Simple)
      const text = fieldsOf(fieldsOf(simple.Body).Text).Data
      if (typeof to !== 'string' || typeof text !== 'string')
        return { reply: refusal('BadRequestException') ?? { status: 400, body: {} }, taken: [] }
      const id = `01090${randomUUID().slice(5)}-000000`
      const taken = take(about, {
        id,
        from: String(mail.FromEmailAddress ?? ''),
        to,
        subject: String(fieldsOf(simple.Subject).Data ?? ''),
        body: text,
      })
      return { reply: { status: 200, body: { MessageId: id } }, taken: [taken] }
    },
    failure: () => ({
      status: 500,
      headers: { 'x-amzn-errortype': 'InternalServiceErrorException' },
      body: { message: 'Internal failure' },
    }),
    refusal,
    // What is reported before the subscription is confirmed is lost, at Amazon too.
    report: async (events) =>
      isConfirmed ? await Promise.all(events.map(notification)) : [await confirmation()],
    serve({ method, path, query }) {
      if (method !== 'GET') return undefined
      if (path === CERTIFICATE_PATH)
        return {
          status: 200,
          headers: { 'content-type': 'application/x-pem-file' },
          body: keys.snsCertificate,
        }
      if (query.get('Action') !== 'ConfirmSubscription') return undefined
      if (query.get('Token') !== token) return { status: 403, body: 'invalid token' }
      isConfirmed = true
      return {
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: '<ConfirmSubscriptionResponse></ConfirmSubscriptionResponse>',
      }
    },
  }
}
