/** SendGrid's v3 Mail Send. https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send */
import { createPrivateKey, randomBytes, sign } from 'node:crypto'
import { type Fields, fieldsOf, headerOf, itemsOf, jsonOf, type SandboxReply } from '../exchange.ts'
import type { SandboxKeys } from '../keys.ts'
import { type ReceiptEvent, type SandboxProvider, take, type WebhookUrl } from '../sandbox-provider.ts'

const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/

function errors(status: number, message: string, field: string | null = null): SandboxReply {
  return { status, body: { errors: [{ message, field, help: null }] } }
}

const NO_ADDRESS = 'Does not contain a valid address.'
const REFUSALS: Readonly<Record<string, SandboxReply>> = {
  invalid_to: errors(400, NO_ADDRESS, 'personalizations.0.to.0.email'),
  invalid_request: errors(
    400,
    'The content value must be a string at least one character in length.',
    'content',
  ),
  credits_exceeded: errors(401, 'Maximum credits exceeded'),
  401: errors(401, 'The provided authorization grant is invalid, expired, or revoked'),
  403: errors(403, 'The from address does not match a verified Sender Identity.', 'from'),
  413: errors(413, 'The JSON payload you have included in your request is too large.'),
  429: errors(429, 'too many requests'),
}

function problemOf(mail: Fields): SandboxReply | undefined {
  if (!ADDRESS.test(String(fieldsOf(mail.from).email))) return errors(400, NO_ADDRESS, 'from.email')
  const [first] = itemsOf(mail.personalizations)
  const [to] = itemsOf(first?.to)
  if (first === undefined) return errors(400, 'The personalizations field is required.', 'personalizations')
  if (!ADDRESS.test(String(to?.email))) return REFUSALS.invalid_to
  if (!mail.subject && !first.subject) return errors(400, 'The subject is required.', 'subject')
  const isEmpty = itemsOf(mail.content).some(({ value }) => typeof value !== 'string' || value === '')
  return isEmpty ? REFUSALS.invalid_request : undefined
}

export function sendgridSandbox(
  { apiKey, webhookPrivateKey }: SandboxKeys['sendgrid'],
  webhookUrl: WebhookUrl,
): SandboxProvider {
  const about = { name: 'sendgrid', channel: 'email' } as const
  const key = createPrivateKey(webhookPrivateKey)

  function eventOf({ message, status, atMs }: ReceiptEvent): Fields {
    return {
      email: message.to,
      timestamp: Math.floor(atMs / 1000),
      event: { sent: 'processed', delivered: 'delivered', failed: 'bounce' }[status],
      sg_event_id: randomBytes(16).toString('base64url'),
      sg_message_id: `${message.id}.filter0001.1.sandbox-0`,
      ...(status === 'failed' ? { type: 'bounce', status: '5.1.1', reason: '550 no such user' } : {}),
    }
  }

  return {
    ...about,
    matches: ({ method, path }) => method === 'POST' && path === '/v3/mail/send',
    receive(request) {
      const refuse = (reply: SandboxReply) => ({ reply, taken: [] })
      if (headerOf(request, 'authorization') !== `Bearer ${apiKey}`)
        return refuse(errors(401, 'The provided authorization grant is invalid, expired, or revoked'))
      const mail = jsonOf(request)
      const problem = problemOf(mail)
      if (problem !== undefined) return refuse(problem)
      const id = randomBytes(16).toString('base64url')
      const content = itemsOf(mail.content)
      const body = String((content.find(({ type }) => type === 'text/plain') ?? content[0])?.value ?? '')
      const taken = itemsOf(mail.personalizations).flatMap(({ to, subject }) =>
        itemsOf(to).map(({ email }) =>
          take(about, {
            id,
            from: String(fieldsOf(mail.from).email),
            to: String(email),
            subject: String(subject ?? mail.subject),
            body,
          }),
        ),
      )
      return { reply: { status: 202, body: '', headers: { 'x-message-id': id } }, taken }
    },
    failure: () => errors(500, 'An error occurred on a SendGrid server.'),
    refusal: (code) => REFUSALS[code],
    /** Many events in one post, as SendGrid does. */
    report(events) {
      const body = JSON.stringify(events.map(eventOf))
      const timestamp = String(Math.floor(Date.now() / 1000))
      return [
        {
          url: webhookUrl('sendgrid'),
          headers: {
            'content-type': 'application/json',
            'x-twilio-email-event-webhook-timestamp': timestamp,
            'x-twilio-email-event-webhook-signature': sign(
              'sha256',
              Buffer.from(timestamp + body),
              key,
            ).toString('base64'),
          },
          body,
        },
      ]
    },
  }
}
