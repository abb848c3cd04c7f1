/**
 * Twilio Programmable Voice: calls with their TwiML inside, calls that come
 * in, signed reports of each leg.
 * https://www.twilio.com/docs/voice/api/call-resource
 */
import { createHmac, randomBytes } from 'node:crypto'
import { headerOf, type SandboxReply, type SandboxRequest, type WebhookPost } from '../exchange.ts'
import type { SandboxKeys } from '../keys.ts'
import type { SandboxCall, SandboxLeg } from './call-board.ts'
import { isAnswered, newLeg, type PhoneLine } from './phone-line.ts'
import type { VoiceSandbox } from './voice-provider.ts'

const CALLS = /^\/2010-04-01\/Accounts\/([^/]+)\/Calls\.json$/
const E164 = /^\+[1-9]\d{6,14}$/

const MESSAGE_OF: Readonly<Record<string, string>> = {
  20003: 'Authenticate',
  20404: 'The requested resource was not found',
  20429: 'Too Many Requests',
  21201: "No 'To' number is specified",
  21205: 'Url is not a valid URL',
  21211: "Invalid 'To' Phone Number",
  21212: "Invalid 'From' Phone Number",
  21215: 'Account not authorized to call this number',
}
const STATUS_OF: Readonly<Record<string, number>> = { 20003: 401, 20404: 404, 20429: 429 }

interface Dial {
  readonly callerId: string
  readonly number: string
  readonly statusCallback: string
  readonly recordingStatusCallback: string
}

function unescapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? '')
}

function attribute(attributes: string, name: string): string {
  return unescapeXml(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '')
}

/** As much of TwiML as a masked call has: one Dial with one Number, or words. */
export function readTwiml(twiml: string): { readonly dial: Dial | undefined; readonly said: string } {
  const [, dialAttributes = '', numberAttributes = '', number = ''] =
    /<Dial([^>]*)>\s*<Number([^>]*)>([^<]*)<\/Number>/.exec(twiml) ?? []
  const dial =
    number === ''
      ? undefined
      : {
          callerId: attribute(dialAttributes, 'callerId'),
          number,
          statusCallback: attribute(numberAttributes, 'statusCallback'),
          recordingStatusCallback: attribute(dialAttributes, 'recordingStatusCallback'),
        }
  return { dial, said: unescapeXml(/<Say[^>]*>([^<]*)<\/Say>/.exec(twiml)?.[1] ?? '') }
}

function refusal(code: string): SandboxReply | undefined {
  const message = MESSAGE_OF[code]
  if (message === undefined) return undefined
  const status = STATUS_OF[code] ?? 400
  return {
    status,
    body: { code: Number(code), message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
  }
}

function problemOf(form: URLSearchParams): string | undefined {
  const to = form.get('To') ?? ''
  if (to === '') return '21201'
  if (!E164.test(to)) return '21211'
  if (!E164.test(form.get('From') ?? '')) return '21212'
  return form.get('Twiml') ? undefined : '21205'
}

export interface TwilioVoiceOptions {
  readonly keys: SandboxKeys['twilio']
  readonly line: PhoneLine
  readonly webhookUrl: string
}

export function twilioVoiceSandbox({ keys, line, webhookUrl }: TwilioVoiceOptions): VoiceSandbox {
  const { accountSid, authToken } = keys
  const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
  const newSid = (kind: string) => `${kind}${randomBytes(16).toString('hex')}`
  let sequence = 0

  function signed(url: string, fields: Readonly<Record<string, string>>): WebhookPost {
    const form = new URLSearchParams({ AccountSid: accountSid, ApiVersion: '2010-04-01', ...fields })
    const sorted = [...form].sort(([one], [two]) => (one < two ? -1 : 1)).flat()
    const signature = createHmac('sha1', authToken)
      .update(url + sorted.join(''))
      .digest('base64')
    return {
      url,
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        'x-twilio-signature': signature,
      },
      body: form.toString(),
    }
  }

  async function report(
    url: string,
    sid: string,
    { from, to, status }: SandboxLeg,
    more: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    if (url === '') return
    sequence += 1
    await line.send(
      signed(url, {
        CallSid: sid,
        From: from,
        To: to,
        CallStatus: status,
        Direction: 'outbound-api',
        Timestamp: new Date().toUTCString(),
        SequenceNumber: String(sequence),
        ...more,
      }),
    )
  }

  /** The second leg, from ringing to its end. */
  async function dialOut(call: SandboxCall, dial: Dial, callerLeg: SandboxLeg): Promise<void> {
    const leg = newLeg(dial.callerId || callerLeg.from, dial.number)
    const sid = newSid('CA')
    call.legs.push(leg)
    await line.ring(leg)
    if (!isAnswered(leg)) {
      await report(dial.statusCallback, sid, leg)
      return
    }
    await report(dial.statusCallback, sid, leg)
    const seconds = await line.talk([leg])
    await report(dial.statusCallback, sid, leg, { CallDuration: String(seconds), Duration: '1' })
    if (dial.recordingStatusCallback === '') return
    call.isRecorded = true
    await line.send(
      signed(dial.recordingStatusCallback, {
        CallSid: call.id,
        RecordingSid: newSid('RE'),
        RecordingStatus: 'completed',
        RecordingDuration: String(seconds),
      }),
    )
  }

  async function carry(call: SandboxCall, leg: SandboxLeg, form: URLSearchParams): Promise<void> {
    const statusUrl = form.get('StatusCallback') ?? ''
    if (form.getAll('StatusCallbackEvent').includes('initiated')) await report(statusUrl, call.id, leg)
    await line.ring(leg)
    await report(statusUrl, call.id, leg)
    if (!isAnswered(leg)) return
    const { dial, said } = readTwiml(form.get('Twiml') ?? '')
    if (dial !== undefined) await dialOut(call, dial, leg)
    call.heard = said
    leg.status = 'completed'
    await report(statusUrl, call.id, leg, { CallDuration: '1' })
  }

  function newCall(
    direction: SandboxCall['direction'],
    from: string,
    to: string,
    leg: SandboxLeg,
  ): SandboxCall {
    const call: SandboxCall = {
      id: newSid('CA'),
      provider: 'twilio',
      direction,
      from,
      to,
      at: new Date().toISOString(),
      legs: [leg],
      isRecorded: false,
      heard: '',
    }
    line.board.add(call)
    return call
  }

  return {
    name: 'twilio',
    matches: ({ method, path }) => method === 'POST' && CALLS.test(path),
    receive(request: SandboxRequest) {
      const refuse = (code: string): SandboxReply => refusal(code) ?? { status: 400, body: {} }
      if (headerOf(request, 'authorization') !== authorization) return refuse('20003')
      if (CALLS.exec(request.path)?.[1] !== accountSid) return refuse('20404')
      const form = new URLSearchParams(request.body.toString('utf8'))
      const problem = problemOf(form)
      if (problem !== undefined) return refuse(problem)
      const [from, to] = [form.get('From') ?? '', form.get('To') ?? '']
      const leg = newLeg(from, to)
      const call = newCall('outbound', from, to, leg)
      line.play(() => carry(call, leg, form))
      return {
        status: 201,
        body: {
          sid: call.id,
          account_sid: accountSid,
          api_version: '2010-04-01',
          direction: 'outbound-api',
          from,
          to,
          status: 'queued',
          date_created: null,
          uri: `/2010-04-01/Accounts/${accountSid}/Calls/${call.id}.json`,
        },
      }
    },
    failure: () => ({
      status: 500,
      body: { code: 20500, message: 'Internal Server Error', more_info: '', status: 500 },
    }),
    refusal,
    async ringIn(from, to) {
      const leg = newLeg(from, to, 'in-progress')
      const call = newCall('inbound', from, to, leg)
      const fields = { CallSid: call.id, From: from, To: to, CallStatus: 'ringing', Direction: 'inbound' }
      const { status, body } = await line.send(signed(`${webhookUrl}/v1/webhooks/twilio/voice`, fields))
      const { dial, said } =
        status === 200 ? readTwiml(body) : { dial: undefined, said: 'An application error has occurred.' }
      if (dial === undefined) {
        call.heard = said
        leg.status = 'completed'
        return call
      }
      line.play(async () => {
        await dialOut(call, dial, leg)
        call.heard = said
        leg.status = 'completed'
      })
      return call
    },
    async textIn(from, to, text) {
      const fields = { MessageSid: newSid('SM'), From: from, To: to, Body: text }
      const { body } = await line.send(signed(`${webhookUrl}/v1/webhooks/twilio/sms`, fields))
      return unescapeXml(/<Message[^>]*>([^<]*)<\/Message>/.exec(body)?.[1] ?? '')
    },
  }
}
