/**
 * Twilio Programmable Voice.
 *
 * A call from the app is one request with its TwiML inside: the caller's phone
 * rings, and what it is answered with dials the other one. Each leg reports to
 * an address of its own, which Twilio's signature covers, so that a report
 * needs no look-up by Twilio's ids.
 * https://www.twilio.com/docs/voice/twiml/dial
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import twilio from 'twilio'
import { MESSAGES } from '../messages.ts'
import type {
  InboundAnswer,
  OutgoingCall,
  PlaceResult,
  VoiceProvider,
  WebhookAnswer,
} from '../voice-provider.ts'
import { readTwilioWebhook } from '../webhooks/twilio-webhook.ts'
import type { CallTimes } from './call-times.ts'
import { isUnavailableStatus, ProviderUnavailable, unavailable } from './unavailable.ts'

export interface TwilioVoiceOptions extends CallTimes {
  readonly baseUrl: string
  readonly accountSid: string
  readonly authToken: string
  /** Where Twilio finds us; it signs exactly these addresses. */
  readonly publicUrl: string
}

const SOCKETS_MAX = 256
const CALLER_EVENTS = ['initiated', 'answered', 'completed']
const CALLEE_EVENTS = ['answered', 'completed'] as const
const LANGUAGE = 'en-IN'
/** Twilio's own default voices do not speak Telugu. https://www.twilio.com/docs/voice/twiml/say/text-speech */
const VOICES = {
  'en-IN': 'Google.en-IN-Standard-A',
  'hi-IN': 'Google.hi-IN-Standard-A',
  'te-IN': 'Google.te-IN-Standard-A',
} as const
/** Who has just picked up misses the first words. */
const TIMES_SAID = 2

type NewCall = Omit<Parameters<ReturnType<typeof twilio>['calls']['create']>[0], 'timeout'>

/**
 * The SDK's HTTP client with two additions: another address than Twilio's
 * own, and the caller's signal, for which the SDK's methods have no place.
 */
class TwilioRequests extends twilio.RequestClient {
  readonly #signals = new AsyncLocalStorage<AbortSignal>()

  constructor(baseUrl: string) {
    super({ maxSockets: SOCKETS_MAX, maxTotalSockets: SOCKETS_MAX })
    const prefix = baseUrl.replace(/\/$/, '')
    this.axios.interceptors.request.use((config) => {
      const { pathname, search } = new URL(config.url ?? '')
      config.url = prefix + pathname + search
      const signal = this.#signals.getStore()
      if (signal !== undefined) config.signal = signal
      return config
    })
  }

  until<T>(signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    return this.#signals.run(signal, send)
  }
}

/** RestException and TwilioServiceException alike: an answer that is no success. */
function findAnswer(error: unknown): { readonly status: number; readonly code: string } | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined
  if ('isAxiosError' in error) return undefined
  const code = 'code' in error && typeof error.code === 'number' ? error.code : error.status
  return { status: error.status, code: String(code) }
}

function xml(body: string): WebhookAnswer {
  return { status: 200, contentType: 'text/xml', body }
}

export function createTwilioVoice(options: TwilioVoiceOptions): VoiceProvider {
  const { baseUrl, accountSid, authToken, ringS, callMaxS } = options
  const publicUrl = options.publicUrl.replace(/\/$/, '')
  const requests = new TwilioRequests(baseUrl)
  // TWILIO_LOG_LEVEL=debug in the environment would have the SDK print requests.
  const client = twilio(accountSid, authToken, { httpClient: requests, accountSid, logLevel: 'none' })

  function statusUrl(callId: string, leg: 'caller' | 'callee'): string {
    return `${publicUrl}/v1/webhooks/twilio/call-status?call=${callId}&leg=${leg}`
  }

  function connect({ callId, virtualNumber, callee, isRecorded }: Omit<OutgoingCall, 'caller'>): string {
    const response = new twilio.twiml.VoiceResponse()
    const dial = response.dial({
      // Left out, Twilio shows the number of whoever began the call.
      callerId: virtualNumber,
      answerOnBridge: true,
      timeout: ringS,
      timeLimit: callMaxS,
      ...(isRecorded
        ? {
            record: 'record-from-answer-dual' as const,
            recordingStatusCallback: statusUrl(callId, 'callee'),
            recordingStatusCallbackEvent: ['completed' as const],
          }
        : {}),
    })
    dial.number(
      { statusCallback: statusUrl(callId, 'callee'), statusCallbackEvent: [...CALLEE_EVENTS] },
      callee.reveal(),
    )
    response.say({ language: LANGUAGE }, MESSAGES.afterCall)
    return response.toString()
  }

  function writeInbound(answer: InboundAnswer): string {
    if (answer.kind === 'connect') return connect(answer)
    const response = new twilio.twiml.VoiceResponse()
    response.say({ language: LANGUAGE }, answer.text)
    response.hangup()
    return response.toString()
  }

  async function create(call: NewCall, signal: AbortSignal): Promise<PlaceResult> {
    try {
      await requests.until(signal, () => client.calls.create({ ...call, timeout: ringS }))
      return { kind: 'placed' }
    } catch (error) {
      const answer = findAnswer(error)
      if (answer === undefined) throw unavailable('twilio', error, signal)
      if (isUnavailableStatus(answer.status)) throw new ProviderUnavailable('twilio', answer.code)
      return { kind: 'refused', code: answer.code }
    }
  }

  return {
    name: 'twilio',
    placeCall: (call, signal) =>
      create(
        {
          to: call.caller.reveal(),
          from: call.virtualNumber,
          twiml: connect(call),
          statusCallback: statusUrl(call.callId, 'caller'),
          statusCallbackEvent: CALLER_EVENTS,
        },
        signal,
      ),
    announce({ virtualNumber, callee, language, text }, signal) {
      const response = new twilio.twiml.VoiceResponse()
      response.say({ language, voice: VOICES[language], loop: TIMES_SAID }, text)
      return create({ to: callee.reveal(), from: virtualNumber, twiml: response.toString() }, signal)
    },
    readWebhook: (kind, request) => readTwilioWebhook({ authToken, publicUrl }, kind, request, Date.now()),
    writeInbound: (_ask, answer) => xml(writeInbound(answer)),
    writeReported: () => ({ status: 204, contentType: 'text/plain', body: '' }),
    writeSms(text) {
      const response = new twilio.twiml.MessagingResponse()
      response.message(text)
      return xml(response.toString())
    },
  }
}
