/**
 * Twilio. Messages here; Voice, whose addresses also begin with
 * /2010-04-01/Accounts/{sid}, has its place beside it.
 * https://www.twilio.com/docs/messaging/api/message-resource
 */
import { createHmac, randomBytes } from 'node:crypto'
import { headerOf, type SandboxReply, type SandboxRequest, type WebhookPost } from '../exchange.ts'
import type { SandboxKeys } from '../keys.ts'
import { type ReceiptEvent, type SandboxProvider, take } from '../sandbox-provider.ts'

const MESSAGES = /^\/2010-04-01\/Accounts\/([^/]+)\/Messages\.json$/
const BODY_CHARS_MAX = 1600

const MESSAGE_OF: Readonly<Record<string, string>> = {
  20003: 'Authenticate',
  20404: 'The requested resource was not found',
  20429: 'Too Many Requests',
  21211: "Invalid 'To' Phone Number",
  21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
  21602: 'Message body is required.',
  21603: "A 'From' phone number is required.",
  21604: "A 'To' phone number is required.",
  21606: "The 'From' phone number provided is not a valid message-capable Twilio phone number",
  21610: 'Attempt to send to unsubscribed recipient',
  21611: "This 'From' number has exceeded the maximum number of queued messages",
  21612: "Message cannot be sent with the current combination of 'To' and/or 'From' parameters",
  21614: "'To' number is not a valid mobile number",
  21617: 'The concatenated message body exceeds the 1600 character limit',
}
const STATUS_OF: Readonly<Record<string, number>> = { 20003: 401, 20404: 404, 20429: 429 }

/** Numbers that Twilio itself gives for tests: https://www.twilio.com/docs/iam/test-credentials */
const TEST_NUMBERS: Readonly<Record<string, string>> = {
  '+15005550001': '21211',
  '+15005550002': '21612',
  '+15005550003': '21408',
  '+15005550004': '21610',
  '+15005550009': '21614',
}

function refusal(code: string): SandboxReply | undefined {
  const message = MESSAGE_OF[code]
  if (message === undefined) return undefined
  const status = STATUS_OF[code] ?? 400
  const more_info = `https://www.twilio.com/docs/errors/${code}`
  return { status, body: { code: Number(code), message, more_info, status } }
}

function problemOf(form: URLSearchParams): string | undefined {
  const to = form.get('To') ?? ''
  const body = form.get('Body') ?? ''
  if (to === '') return '21604'
  if (!form.get('From') && !form.get('MessagingServiceSid')) return '21603'
  if (body === '' && !form.get('ContentSid')) return '21602'
  if (body.length > BODY_CHARS_MAX) return '21617'
  return TEST_NUMBERS[to] ?? (/^\+[1-9]\d{6,14}$/.test(to) ? undefined : '21211')
}

/** The resource, in the fields that clients look at. */
function resource(accountSid: string, sid: string, form: URLSearchParams) {
  const uri = `/2010-04-01/Accounts/${accountSid}/Messages/${sid}`
  const now = new Date().toUTCString().replace('GMT', '+0000')
  return {
    account_sid: accountSid,
    api_version: '2010-04-01',
    body: form.get('Body'),
    date_created: now,
    date_sent: null,
    date_updated: now,
    direction: 'outbound-api',
    error_code: null,
    error_message: null,
    from: form.get('From'),
    messaging_service_sid: form.get('MessagingServiceSid'),
    num_media: '0',
    num_segments: '1',
    price: null,
    price_unit: null,
    sid,
    status: 'queued',
    subresource_uris: { media: `${uri}/Media.json` },
    to: form.get('To'),
    uri: `${uri}.json`,
  }
}

export function twilioSandbox({ accountSid, authToken }: SandboxKeys['twilio']): SandboxProvider {
  const about = { name: 'twilio', channel: 'sms' } as const
  const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`

  function refuse(code: string) {
    return { reply: refusal(code) ?? { status: 400, body: {} }, taken: [] }
  }

  function post({ message, callbackUrl = '', status }: ReceiptEvent): WebhookPost {
    const form = new URLSearchParams({
      AccountSid: accountSid,
      ApiVersion: '2010-04-01',
      From: message.from,
      MessageSid: message.id,
      MessageStatus: status === 'failed' ? 'undelivered' : status,
      SmsSid: message.id,
      SmsStatus: status === 'failed' ? 'undelivered' : status,
      To: message.to,
      ...(status === 'failed' ? { ErrorCode: '30003' } : {}),
    })
    const signed = [...form].sort(([one], [two]) => (one < two ? -1 : 1)).flat()
    const signature = createHmac('sha1', authToken)
      .update(callbackUrl + signed.join(''))
      .digest('base64')
    return {
      url: callbackUrl,
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        'x-twilio-signature': signature,
      },
      body: form.toString(),
    }
  }

  return {
    ...about,
    matches: ({ method, path }) => method === 'POST' && MESSAGES.test(path),
    receive(request: SandboxRequest) {
      if (headerOf(request, 'authorization') !== authorization) return refuse('20003')
      if (MESSAGES.exec(request.path)?.[1] !== accountSid) return refuse('20404')
      const form = new URLSearchParams(request.body.toString('utf8'))
      const problem = problemOf(form)
      if (problem !== undefined) return refuse(problem)
      const sid = `SM${randomBytes(16).toString('hex')}`
      const taken = take(
        about,
        { id: sid, from: form.get('From') ?? '', to: form.get('To') ?? '', body: form.get('Body') ?? '' },
        form.get('StatusCallback') ?? undefined,
      )
      return { reply: { status: 201, body: resource(accountSid, sid, form) }, taken: [taken] }
    },
    failure: () => ({
      status: 500,
      body: { code: 20500, message: 'Internal Server Error', more_info: '', status: 500 },
    }),
    refusal,
    report: (events) => events.filter(({ callbackUrl }) => callbackUrl !== undefined).map(post),
  }
}
