/**
 * Exotel: two numbers connected, and for calls that come in a flow of a
 * Passthru applet (whether), a Connect applet (with whom), a greeting (what to
 * say else) and a Passthru at its end.
 * https://developer.exotel.com/docs/voice-v1/api-reference/connect-two-numbers
 */
import { randomBytes } from 'node:crypto'
import { fieldsOf, headerOf, type SandboxReply, type SandboxRequest } from '../exchange.ts'
import type { SandboxKeys } from '../keys.ts'
import type { SandboxCall, SandboxLeg } from './call-board.ts'
import { isAnswered, newLeg, type PhoneLine } from './phone-line.ts'
import type { VoiceSandbox } from './voice-provider.ts'

const CONNECT = /^\/v1\/Accounts\/([^/]+)\/Calls\/connect(?:\.json)?$/
const FLOW = /^http:\/\/my\.exotel\.com\/[^/]+\/exoml\/start_voice\/(\w+)$/
const E164 = /^\+[1-9]\d{6,14}$/

const MESSAGES: Readonly<Record<string, string>> = {
  400: 'Missing or invalid parameters',
  401: 'Authentication is required to view this page',
  403: 'The account may not make calls',
  429: 'Too Many Requests',
}

function refusal(code: string): SandboxReply | undefined {
  const message = MESSAGES[code]
  return message === undefined
    ? undefined
    : { status: Number(code), body: { RestException: { Status: Number(code), Message: message } } }
}

/** As it dials at home: without the country's code. */
function atHome(number: string): string {
  return number.startsWith('+91') ? `0${number.slice(3)}` : number
}

export interface ExotelVoiceOptions {
  readonly keys: SandboxKeys['exotel']
  readonly line: PhoneLine
  readonly webhookUrl: string
}

export function exotelVoiceSandbox({ keys, line, webhookUrl }: ExotelVoiceOptions): VoiceSandbox {
  const { accountSid, apiKey, apiToken, webhookSecret } = keys
  const authorization = `Basic ${Buffer.from(`${apiKey}:${apiToken}`).toString('base64')}`

  function newCall(
    direction: SandboxCall['direction'],
    from: string,
    to: string,
    leg: SandboxLeg,
  ): SandboxCall {
    const call: SandboxCall = {
      id: randomBytes(16).toString('hex'),
      provider: 'exotel',
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

  async function report(
    url: string,
    call: SandboxCall,
    { event, seconds = 0 }: { event: 'answered' | 'terminal'; seconds?: number },
  ): Promise<void> {
    if (url === '') return
    const last = call.legs.at(-1)?.status ?? 'failed'
    await line.send({
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        CallSid: call.id,
        EventType: event,
        DateUpdated: new Date().toISOString(),
        Status: event === 'answered' ? 'in-progress' : last,
        From: call.from,
        To: call.to,
        ConversationDuration: seconds,
        Legs: call.legs.map(({ status }) => ({ Status: status, OnCallDuration: seconds })),
        RecordingUrl:
          call.isRecorded && event === 'terminal' ? `https://recordings.exotel.example/${call.id}.mp3` : null,
      }),
    })
  }

  async function carry(call: SandboxCall, leg: SandboxLeg, form: URLSearchParams): Promise<void> {
    const url = form.get('StatusCallback') ?? ''
    await line.ring(leg)
    if (!isAnswered(leg)) return await report(url, call, { event: 'terminal' })
    const other = newLeg(form.get('CallerId') || (form.get('From') ?? ''), form.get('To') ?? '')
    call.legs.push(other)
    await line.ring(other)
    if (!isAnswered(other)) {
      leg.status = 'completed'
      return await report(url, call, { event: 'terminal' })
    }
    await report(url, call, { event: 'answered' })
    const seconds = await line.talk([other])
    leg.status = 'completed'
    await report(url, call, { event: 'terminal', seconds })
  }

  /** One phone and a flow, of which the sandbox knows the id alone. */
  function startFlow(form: URLSearchParams): SandboxReply | undefined {
    const [to, callerId] = [form.get('From') ?? '', form.get('CallerId') ?? '']
    const [, flow] = FLOW.exec(form.get('Url') ?? '') ?? []
    if (flow === undefined || !E164.test(to) || !E164.test(callerId)) return undefined
    const leg = newLeg(callerId, to)
    const call = newCall('outbound', callerId, to, leg)
    line.play(async () => {
      await line.ring(leg)
      if (!isAnswered(leg)) return
      call.heard = `flow ${flow}`
      leg.status = 'completed'
    })
    return { status: 200, body: { Call: { Sid: call.id, Status: 'in-progress', From: to, To: callerId } } }
  }

  async function askFlow(
    call: SandboxCall,
    path: 'voice' | 'call-status',
    step: string,
    more: Readonly<Record<string, string>> = {},
  ) {
    const query = new URLSearchParams({
      secret: webhookSecret,
      step,
      CallSid: call.id,
      CallFrom: atHome(call.from),
      CallTo: atHome(call.to),
      Direction: 'incoming',
      ...more,
    })
    return await line.send(
      { url: `${webhookUrl}/v1/webhooks/exotel/${path}?${query}`, headers: {}, body: '' },
      'GET',
    )
  }

  async function greet(call: SandboxCall, leg: SandboxLeg): Promise<SandboxCall> {
    const { status, body } = await askFlow(call, 'voice', 'say')
    call.heard = status === 200 ? body : 'Sorry, your call cannot be taken.'
    leg.status = 'completed'
    return call
  }

  async function connect(call: SandboxCall, leg: SandboxLeg, json: string): Promise<void> {
    const answer = fieldsOf(JSON.parse(json))
    const { numbers } = fieldsOf(answer.destination)
    const other = newLeg(
      String(answer.outgoing_phone_number ?? call.from),
      String(Array.isArray(numbers) ? numbers[0] : ''),
    )
    call.legs.push(other)
    call.isRecorded = answer.record === true
    await line.ring(other)
    const seconds = isAnswered(other) ? await line.talk([other]) : 0
    leg.status = 'completed'
    await askFlow(call, 'call-status', 'ended', {
      DialCallStatus: other.status,
      DialCallDuration: String(seconds),
    })
  }

  return {
    name: 'exotel',
    matches: ({ method, path }) => method === 'POST' && CONNECT.test(path),
    receive(request: SandboxRequest) {
      const refuse = (code: string): SandboxReply => refusal(code) ?? { status: 400, body: {} }
      if (headerOf(request, 'authorization') !== authorization) return refuse('401')
      if (CONNECT.exec(request.path)?.[1] !== accountSid) return refuse('403')
      const form = new URLSearchParams(request.body.toString('utf8'))
      if (form.has('Url')) return startFlow(form) ?? refuse('400')
      const [from, to, callerId] = ['From', 'To', 'CallerId'].map((name) => form.get(name) ?? '')
      if (from === undefined || to === undefined || callerId === undefined) return refuse('400')
      if (![from, to, callerId].every((number) => E164.test(number))) return refuse('400')
      const leg = newLeg(callerId, from)
      const call = newCall('outbound', from, to, leg)
      call.isRecorded = form.get('Record') === 'true'
      line.play(() => carry(call, leg, form))
      return { status: 200, body: { Call: { Sid: call.id, Status: 'in-progress', From: from, To: to } } }
    },
    failure: () => ({
      status: 503,
      body: { RestException: { Status: 503, Message: 'Service Unavailable' } },
    }),
    refusal,
    async ringIn(from, to) {
      const leg = newLeg(from, to, 'in-progress')
      const call = newCall('inbound', from, to, leg)
      const routed = await askFlow(call, 'voice', 'route')
      if (routed.status !== 200) return await greet(call, leg)
      const connected = await askFlow(call, 'voice', 'connect')
      if (connected.status !== 200) return await greet(call, leg)
      line.play(() => connect(call, leg, connected.body))
      return call
    },
    async textIn(from, to, text) {
      const query = new URLSearchParams({
        secret: webhookSecret,
        SmsSid: randomBytes(8).toString('hex'),
        From: from,
        To: to,
        Body: text,
      })
      const url = `${webhookUrl}/v1/webhooks/exotel/sms?${query}`
      await line.send({ url, headers: {}, body: '' }, 'GET')
      return ''
    },
  }
}
