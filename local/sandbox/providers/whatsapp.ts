/** WhatsApp's Cloud API. https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages */
import { createHmac, randomBytes } from 'node:crypto'
import { type Fields, fieldsOf, headerOf, itemsOf, jsonOf, type SandboxReply } from '../exchange.ts'
import type { SandboxKeys } from '../keys.ts'
import type { RegisteredTexts } from '../registered-texts.ts'
import { type ReceiptEvent, type SandboxProvider, take, type WebhookUrl } from '../sandbox-provider.ts'

const MESSAGES = /^\/v\d+\.\d+\/(\d+)\/messages$/

const ERRORS: Readonly<Record<string, readonly [status: number, message: string]>> = {
  4: [400, 'Application request limit reached'],
  100: [400, 'Invalid parameter'],
  190: [401, 'Invalid OAuth access token - Cannot parse access token'],
  368: [403, 'Temporarily blocked for policies violations'],
  130429: [429, '(#130429) Rate limit hit'],
  131000: [500, '(#131000) Something went wrong'],
  131008: [400, '(#131008) Required parameter is missing'],
  131026: [400, '(#131026) Message undeliverable'],
  131030: [400, '(#131030) Recipient phone number not in allowed list'],
  131047: [400, '(#131047) Re-engagement message'],
  131048: [400, '(#131048) Spam rate limit hit'],
  131056: [400, '(#131056) Business account, consumer account pair rate limit hit'],
  132000: [400, '(#132000) Number of parameters does not match the expected number of params'],
  132001: [404, '(#132001) Template name does not exist in the translation'],
}

function refusal(code: string): SandboxReply | undefined {
  const known = ERRORS[code]
  if (known === undefined) return undefined
  const [status, message] = known
  return {
    status,
    body: {
      error: {
        message,
        type: 'OAuthException',
        code: Number(code),
        error_data: { messaging_product: 'whatsapp', details: message },
        fbtrace_id: randomBytes(9).toString('base64url'),
      },
    },
  }
}

function valuesOf(template: Fields): string[] {
  const body = itemsOf(template.components).find(({ type }) => type === 'body')
  return itemsOf(body?.parameters).map(({ text }) => String(text ?? ''))
}

export function whatsappSandbox(
  keys: SandboxKeys['whatsapp'],
  texts: RegisteredTexts,
  webhookUrl: WebhookUrl,
): SandboxProvider {
  const about = { name: 'whatsapp', channel: 'whatsapp' } as const

  function refuse(code: string) {
    return { reply: refusal(code) ?? { status: 400, body: {} }, taken: [] }
  }

  function textOf(message: Fields): { readonly text: string } | { readonly code: string } {
    if (message.type === 'text') {
      const { body } = fieldsOf(message.text)
      return typeof body === 'string' && body !== '' ? { text: body } : { code: '131008' }
    }
    if (message.type !== 'template') return { code: '100' }
    const template = fieldsOf(message.template)
    const language = String(fieldsOf(template.language).code)
    const filled = texts.fillWhatsapp(String(template.name), language, valuesOf(template))
    if ('text' in filled) return filled
    return { code: filled.problem === 'count' ? '132000' : '132001' }
  }

  function statusOf({ message, status, atMs }: ReceiptEvent): Fields {
    return {
      id: message.id,
      status,
      timestamp: String(Math.floor(atMs / 1000)),
      recipient_id: message.to.slice(1),
      ...(status === 'failed' ? { errors: [{ code: 131026, title: 'Message undeliverable' }] } : {}),
    }
  }

  return {
    ...about,
    matches: ({ method, path }) => method === 'POST' && MESSAGES.test(path),
    receive(request) {
      if (headerOf(request, 'authorization') !== `Bearer ${keys.accessToken}`) return refuse('190')
      if (MESSAGES.exec(request.path)?.[1] !== keys.phoneNumberId) return refuse('100')
      const message = jsonOf(request)
      if (message.messaging_product !== 'whatsapp') return refuse('100')
      const digits = String(message.to ?? '').replace(/^\+/, '')
      if (!/^[1-9]\d{6,14}$/.test(digits)) return refuse('131008')
      const text = textOf(message)
      if ('code' in text) return refuse(text.code)
      const id = `wamid.${randomBytes(24).toString('base64url')}`
      return {
        reply: {
          status: 200,
          body: {
            messaging_product: 'whatsapp',
            contacts: [{ input: message.to, wa_id: digits }],
            messages: [{ id, message_status: 'accepted' }],
          },
        },
        taken: [take(about, { id, from: keys.phoneNumberId, to: `+${digits}`, body: text.text })],
      }
    },
    failure: () => refusal('131000') ?? { status: 500, body: {} },
    refusal,
    /** Several statuses in one post, as Meta does under load. */
    report(events) {
      const value = {
        messaging_product: 'whatsapp',
        metadata: { display_phone_number: '15005550006', phone_number_id: keys.phoneNumberId },
        statuses: events.map(statusOf),
      }
      const body = JSON.stringify({
        object: 'whatsapp_business_account',
        entry: [{ id: '200000000000001', changes: [{ field: 'messages', value }] }],
      })
      const signature = createHmac('sha256', keys.appSecret).update(body).digest('hex')
      return [
        {
          url: webhookUrl('whatsapp'),
          headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` },
          body,
        },
      ]
    },
  }
}
