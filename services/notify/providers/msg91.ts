/**
 * SMS by MSG91's flow API, which takes a template that it knows and the values
 * of its variables, and no text.
 */
import type { OutgoingMessage, Provider, SendResult } from '../provider.ts'
import { postJson } from './json-post.ts'
import { badAccount, badAddress, badMessage, type RefusalRule, refused, refusedByStatus } from './refusal.ts'
import { ProviderUnavailable } from './unavailable.ts'

export interface Msg91Options {
  readonly baseUrl: string
  readonly authKey: string
  /** From a DLT template id to the id that MSG91 gave its copy; where there is none, the DLT id is taken. */
  readonly templateIds: ReadonlyMap<string, string>
  readonly hasReceipts: boolean
}

/** https://docs.msg91.com: codes of the SMS API. */
const REFUSALS: Readonly<Record<string, RefusalRule>> = {
  '101': badMessage('the recipient is missing'),
  '102': badMessage('the text is missing'),
  '105': badAccount('the key is missing'),
  '201': badAccount('the credentials are not accepted'),
  '202': badAddress('the recipient is no mobile number'),
  '203': badAccount('the sender id is not accepted'),
  '207': badAccount('the key is not accepted'),
  '208': badAccount('this address is blocked'),
  '210': badAccount('there is no route'),
  '301': badAccount('the balance is used up'),
  '302': badAccount('the account has expired'),
  '303': badAccount('the account is closed'),
  '310': badMessage('the text is too long'),
  '311': badAccount('the same request came twice within 10 s'),
  '400': badMessage('the template is not known'),
  '418': badAccount('this address is not allowed'),
}

/** The route is down: what MSG91 says in place of a 5xx. */
const UNAVAILABLE = new Set(['306', '601', '602', '603', '604'])

function variablesOf(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(values.map((value, index) => [`VAR${index + 1}`, value]))
}

export function createMsg91({ baseUrl, authKey, templateIds, hasReceipts }: Msg91Options): Provider {
  return {
    name: 'msg91',
    channel: 'sms',
    hasReceipts,
    async send({ to, dlt }: OutgoingMessage, signal: AbortSignal): Promise<SendResult> {
      if (dlt === undefined) return refused('no_template', badMessage('MSG91 takes only registered texts'))
      const { status, body } = await postJson({
        provider: 'msg91',
        url: new URL('/api/v5/flow', baseUrl).href,
        headers: { authkey: authKey, accept: 'application/json' },
        body: {
          template_id: templateIds.get(dlt.templateId) ?? dlt.templateId,
          // The registered text holds our own link: MSG91 must not put its own in its place.
          short_url: '0',
          recipients: [{ mobiles: to.replace(/^\+/, ''), ...variablesOf(dlt.variables) }],
        },
        signal,
      })
      if (status < 300 && body.type === 'success' && typeof body.message === 'string')
        return { kind: 'accepted', providerId: body.message }
      const code = typeof body.code === 'string' || typeof body.code === 'number' ? String(body.code) : ''
      if (UNAVAILABLE.has(code)) throw new ProviderUnavailable('msg91', code)
      const rule = REFUSALS[code]
      if (rule !== undefined) return refused(code, rule)
      // An error without a code comes with status 200.
      return status < 300 ? refused('error', badMessage('an error without a code')) : refusedByStatus(status)
    },
  }
}
