/** WhatsApp by Meta's Cloud API. */
import type { OutgoingMessage, Provider, SendResult } from '../provider.ts'
import { fieldsOf } from './json.ts'
import { postJson } from './json-post.ts'
import { badAccount, badMessage, type RefusalRule, refused, refusedByStatus } from './refusal.ts'
import { ProviderUnavailable } from './unavailable.ts'

export interface WhatsappOptions {
  readonly baseUrl: string
  /** Such as v23.0. */
  readonly version: string
  readonly phoneNumberId: string
  readonly accessToken: string
  readonly hasReceipts: boolean
}

/**
 * https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
 *
 * None suppresses: a number that is not on WhatsApp takes an SMS, and may be
 * on WhatsApp tomorrow.
 */
const REFUSALS: Readonly<Record<number, RefusalRule>> = {
  0: badAccount('the token is not accepted'),
  3: badAccount('the token lacks the right'),
  10: badAccount('the token lacks the right'),
  33: badAccount('the sender’s number is gone'),
  100: badMessage('a field is not accepted'),
  190: badAccount('the token has expired'),
  368: badAccount('the account is blocked'),
  130472: badMessage('the recipient takes part in an experiment of WhatsApp'),
  130497: badMessage('the account may not send to this country'),
  131005: badAccount('the token lacks the right'),
  131008: badMessage('a field is missing'),
  131009: badMessage('a field is not accepted'),
  131021: badMessage('the recipient is the sender'),
  131026: badMessage('the recipient cannot be reached on WhatsApp'),
  131030: badMessage('the recipient is not on the test number’s list'),
  131031: badAccount('the account is locked'),
  131042: badAccount('there is a problem with the payment'),
  131045: badAccount('the sender’s number is not registered'),
  131047: badMessage('only an approved text may go out after 24 h'),
  131048: badAccount('the sender’s number is held back as spam'),
  131049: badMessage('WhatsApp holds it back for the sake of the recipient'),
  131051: badMessage('the kind of message is not known'),
  132000: badMessage('the number of values differs from the approved text'),
  132001: badMessage('the text is not approved in this language'),
  132005: badMessage('the text with its values is too long'),
  132007: badMessage('the text breaks a rule'),
  132012: badMessage('a value does not fit the approved text'),
  132015: badMessage('the text is paused'),
  132016: badMessage('the text is switched off'),
  133010: badAccount('the sender’s number is not registered'),
}

/** Limits and outages, some of which come as status 400. */
const UNAVAILABLE = new Set([1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 133004])

function content({ text, template }: OutgoingMessage): Record<string, unknown> {
  if (template === undefined) return { type: 'text', text: { preview_url: false, body: text } }
  const parameters = template.params.map((value) => ({ type: 'text', text: value }))
  return {
    type: 'template',
    template: {
      name: template.name,
      language: { code: template.language },
      components: parameters.length === 0 ? [] : [{ type: 'body', parameters }],
    },
  }
}

export function createWhatsapp(options: WhatsappOptions): Provider {
  const { baseUrl, version, phoneNumberId, accessToken, hasReceipts } = options
  const url = new URL(`/${version}/${phoneNumberId}/messages`, baseUrl).href

  return {
    name: 'whatsapp',
    channel: 'whatsapp',
    hasReceipts,
    async send(message: OutgoingMessage, signal: AbortSignal): Promise<SendResult> {
      const { status, body } = await postJson({
        provider: 'whatsapp',
        url,
        headers: { authorization: `Bearer ${accessToken}` },
        body: {
          messaging_product: 'whatsapp',
          recipient_type: 'individual',
          to: message.to,
          ...content(message),
          biz_opaque_callback_data: message.attemptId,
        },
        signal,
      })
      const { id } = fieldsOf(Array.isArray(body.messages) ? body.messages[0] : undefined)
      if (status < 300 && typeof id === 'string') return { kind: 'accepted', providerId: id }
      const { code } = fieldsOf(body.error)
      if (typeof code !== 'number') return refusedByStatus(status)
      if (UNAVAILABLE.has(code)) throw new ProviderUnavailable('whatsapp', String(code))
      const rule = REFUSALS[code]
      return rule === undefined ? refusedByStatus(status, code) : refused(code, rule)
    },
  }
}
