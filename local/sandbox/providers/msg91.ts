/** MSG91's flow API. https://docs.msg91.com/sms/send-sms */
import { randomBytes } from 'node:crypto'
import { fieldsOf, headerOf, itemsOf, jsonOf, type SandboxReply, type WebhookPost } from '../exchange.ts'
import type { SandboxKeys } from '../keys.ts'
import type { RegisteredTexts } from '../registered-texts.ts'
import { type ReceiptEvent, type SandboxProvider, take, type WebhookUrl } from '../sandbox-provider.ts'

const MESSAGE_OF: Readonly<Record<string, string>> = {
  101: 'Missing mobile no.',
  202: 'Invalid mobile number',
  203: 'Invalid sender ID',
  207: 'Invalid authentication key',
  208: 'IP is blacklisted',
  301: 'Insufficient balance to send SMS',
  306: 'This route is currently unavailable',
  310: 'SMS is too long',
  400: 'template id missing or invalid',
  418: 'IP is not whitelisted',
}

function refusal(code: string): SandboxReply | undefined {
  const message = MESSAGE_OF[code]
  if (message === undefined) return undefined
  // MSG91 says most errors with status 200.
  return { status: code === '207' || code === '418' ? 401 : 200, body: { type: 'error', code, message } }
}

function valuesOf(recipient: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(recipient)
    .filter(([name]) => /^VAR\d+$/.test(name))
    .sort(([one], [two]) => Number(one.slice(3)) - Number(two.slice(3)))
    .map(([, value]) => String(value))
}

export function msg91Sandbox(
  { authKey, webhookSecret }: SandboxKeys['msg91'],
  texts: RegisteredTexts,
  webhookUrl: WebhookUrl,
): SandboxProvider {
  const about = { name: 'msg91', channel: 'sms' } as const

  function refuse(code: string) {
    return { reply: refusal(code) ?? { status: 200, body: {} }, taken: [] }
  }

  function post({ message, status, atMs }: ReceiptEvent): WebhookPost {
    return {
      url: webhookUrl('msg91'),
      headers: { 'content-type': 'application/json', 'x-webhook-secret': webhookSecret },
      body: JSON.stringify({
        requestId: message.id,
        telNum: message.to.slice(1),
        status: { sent: 'Submitted', delivered: 'Delivered', failed: 'Failed' }[status],
        deliveryTime: new Date(atMs).toISOString().slice(0, 19).replace('T', ' '),
        senderId: message.from,
        failureReason: status === 'failed' ? 'Absent subscriber' : '',
      }),
    }
  }

  return {
    ...about,
    matches: ({ method, path }) => method === 'POST' && /^\/api\/v5\/flow\/?$/.test(path),
    receive(request) {
      if (headerOf(request, 'authkey') !== authKey) return refuse('207')
      const body = jsonOf(request)
      const recipients = itemsOf(body.recipients)
      if (recipients.length === 0) return refuse('101')
      const requestId = randomBytes(12).toString('hex')
      const filled = recipients.map((recipient) => ({
        mobiles: String(recipient.mobiles ?? ''),
        text: fieldsOf(texts.fillSms(String(body.template_id ?? ''), valuesOf(recipient))).text,
      }))
      if (filled.some(({ mobiles }) => !/^[1-9]\d{9,14}$/.test(mobiles))) return refuse('202')
      const taken = filled.flatMap(({ mobiles, text }) =>
        typeof text === 'string'
          ? take(about, { id: requestId, from: 'HSHRYD', to: `+${mobiles}`, body: text })
          : [],
      )
      if (taken.length < filled.length) return refuse('400')
      return { reply: { status: 200, body: { message: requestId, type: 'success' } }, taken }
    },
    failure: () => ({ status: 500, body: { type: 'error', message: 'Something went wrong' } }),
    refusal,
    report: (events) => events.map(post),
  }
}
