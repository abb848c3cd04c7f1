/**
 * Exotel: two numbers connected by one request, and for calls to an ExoPhone
 * a flow of applets that asks us (README.md has the flow).
 * https://developer.exotel.com/docs/voice-v1/api-reference/connect-two-numbers
 */
import { MESSAGES } from '../messages.ts'
import type { InboundAnswer, PlaceResult, VoiceProvider, WebhookAnswer } from '../voice-provider.ts'
import { exotelCallToken, readExotelWebhook } from '../webhooks/exotel-webhook.ts'
import type { CallTimes } from './call-times.ts'
import { isUnavailableStatus, ProviderUnavailable, unavailable } from './unavailable.ts'

export interface ExotelVoiceOptions extends CallTimes {
  readonly baseUrl: string
  readonly accountSid: string
  readonly apiKey: string
  readonly apiToken: string
  /** Exotel signs nothing: what it posts carries this, or a token made of it. */
  readonly webhookSecret: string
  readonly publicUrl: string
  /** The flow whose greeting tells of an alert; without one Exotel announces none. */
  readonly alertFlow: string | undefined
}

type Connect = Extract<InboundAnswer, { kind: 'connect' }>

function plain(status: number, body: string): WebhookAnswer {
  return { status, contentType: 'text/plain', body }
}

export function createExotelVoice(options: ExotelVoiceOptions): VoiceProvider {
  const { accountSid, apiKey, apiToken, webhookSecret, alertFlow, ringS, callMaxS } = options
  const publicUrl = options.publicUrl.replace(/\/$/, '')
  const connectUrl = `${options.baseUrl.replace(/\/$/, '')}/v1/Accounts/${accountSid}/Calls/connect.json`
  const authorization = `Basic ${Buffer.from(`${apiKey}:${apiToken}`).toString('base64')}`

  function statusUrl(callId: string): string {
    return `${publicUrl}/v1/webhooks/exotel/call-status?call=${callId}&token=${exotelCallToken(webhookSecret, callId)}`
  }

  /** https://support.exotel.com/support/solutions/articles/3000096873 */
  function connectJson({ callee, virtualNumber, isRecorded }: Connect): WebhookAnswer {
    const body = {
      fetch_after_attempt: false,
      destination: { numbers: [callee.reveal()] },
      // Left out, the other one would see the caller's own number.
      outgoing_phone_number: virtualNumber,
      record: isRecorded,
      ...(isRecorded ? { recording_channels: 'dual' } : {}),
      max_ringing_duration: ringS,
      max_conversation_duration: callMaxS,
    }
    return { status: 200, contentType: 'application/json', body: JSON.stringify(body) }
  }

  async function post(form: URLSearchParams, signal: AbortSignal): Promise<PlaceResult> {
    let status: number
    try {
      const response = await fetch(connectUrl, {
        method: 'POST',
        headers: { authorization },
        body: form,
        redirect: 'error',
        signal,
      })
      status = response.status
      // Nothing in it is needed: reports name our own id.
      await response.arrayBuffer()
    } catch (error) {
      throw unavailable('exotel', error, signal)
    }
    if (isUnavailableStatus(status)) throw new ProviderUnavailable('exotel', String(status))
    return status < 300 ? { kind: 'placed' } : { kind: 'refused', code: String(status) }
  }

  return {
    name: 'exotel',
    async placeCall(call, signal): Promise<PlaceResult> {
      const form = new URLSearchParams({
        From: call.caller.reveal(),
        To: call.callee.reveal(),
        CallerId: call.virtualNumber,
        CallType: 'trans',
        TimeOut: String(ringS),
        TimeLimit: String(callMaxS),
        Record: String(call.isRecorded),
        StatusCallback: statusUrl(call.callId),
        'StatusCallbackEvents[0]': 'answered',
        'StatusCallbackEvents[1]': 'terminal',
        StatusCallbackContentType: 'application/json',
      })
      return await post(form, signal)
    },
    // Exotel speaks no text of ours: the flow's greeting says in all languages what has happened, and names nobody.
    // https://developer.exotel.com/docs/voice-v1/api-reference/connect-number-to-a-call-flow
    async announce({ virtualNumber, callee }, signal): Promise<PlaceResult> {
      if (alertFlow === undefined) return { kind: 'refused', code: 'NO_FLOW' }
      const form = new URLSearchParams({
        From: callee.reveal(),
        CallerId: virtualNumber,
        Url: `http://my.exotel.com/${accountSid}/exoml/start_voice/${alertFlow}`,
        CallType: 'trans',
        TimeOut: String(ringS),
      })
      return await post(form, signal)
    },
    readWebhook: (kind, request) => readExotelWebhook(webhookSecret, kind, request, Date.now()),
    writeInbound(ask, answer) {
      switch (ask) {
        case 'route':
          // The flow's switch: 200 leads to the Connect applet, 302 to the greeting.
          return plain(answer.kind === 'connect' ? 200 : 302, '')
        case 'answer':
          // Whatever is no success sends the flow on to the greeting.
          return answer.kind === 'connect' ? connectJson(answer) : plain(404, '')
        case 'message':
          return plain(200, answer.kind === 'say' ? answer.text : MESSAGES.afterCall)
      }
    },
    writeReported: () => plain(200, ''),
    // Exotel has no reply to an SMS.
    writeSms: () => plain(200, ''),
  }
}
