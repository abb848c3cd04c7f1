/**
 * The providers' side of the world on one HTTP port: takes messages as the
 * real ones do, reports on them, misbehaves on demand, and shows what came.
 *
 * A provider is one file in providers/ and one line in the list below.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@hushryd/kernel/log.ts'
import { type ApiParts, answerApi } from './api.ts'
import type { SandboxReply, SandboxRequest } from './exchange.ts'
import { type Fault, Faults } from './faults.ts'
import { Inbox } from './inbox.ts'
import type { SandboxKeys } from './keys.ts'
import { fcmSandbox } from './providers/fcm.ts'
import { msg91Sandbox } from './providers/msg91.ts'
import { sendgridSandbox } from './providers/sendgrid.ts'
import { sesSandbox } from './providers/ses.ts'
import { twilioSandbox } from './providers/twilio.ts'
import { whatsappSandbox } from './providers/whatsapp.ts'
import { Receipts } from './receipts.ts'
import type { RegisteredTexts } from './registered-texts.ts'
import type { SandboxProvider } from './sandbox-provider.ts'
import { CallBoard } from './voice/call-board.ts'
import { exotelVoiceSandbox } from './voice/exotel-voice.ts'
import { PhoneLine } from './voice/phone-line.ts'
import { twilioVoiceSandbox } from './voice/twilio-voice.ts'
import { answerVoiceApi } from './voice/voice-api.ts'
import type { VoiceSandbox } from './voice/voice-provider.ts'

export interface SandboxOptions {
  readonly host: string
  readonly port: number
  readonly keys: SandboxKeys
  readonly texts: RegisteredTexts
  /** The edge, where webhooks go; Twilio's go where each message says. */
  readonly webhookUrl: string
  readonly receiptDelayMs: number
  readonly log: Log
}

export interface Sandbox extends AsyncDisposable {
  readonly url: string
  readonly inbox: Inbox
  readonly faults: Faults
  readonly calls: CallBoard
}

/** Well above what any of the providers takes in one message. */
const BODY_BYTES_MAX = 1024 * 1024

function createProviders(
  { keys, texts, webhookUrl }: SandboxOptions,
  origin: () => string,
): readonly SandboxProvider[] {
  const webhookOf = (provider: string) => `${webhookUrl}/v1/webhooks/${provider}/delivery`
  return [
    twilioSandbox(keys.twilio),
    msg91Sandbox(keys.msg91, texts, webhookOf),
    sendgridSandbox(keys.sendgrid, webhookOf),
    sesSandbox({ keys: keys.ses, webhookUrl: webhookOf, origin }),
    whatsappSandbox(keys.whatsapp, texts, webhookOf),
    fcmSandbox(keys.fcm),
  ]
}

function createVoiceProviders(
  { keys, webhookUrl }: SandboxOptions,
  line: PhoneLine,
): readonly VoiceSandbox[] {
  return [
    twilioVoiceSandbox({ keys: keys.twilio, line, webhookUrl }),
    exotelVoiceSandbox({ keys: keys.exotel, line, webhookUrl }),
  ]
}

async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > BODY_BYTES_MAX) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

function send(response: ServerResponse, { status, body, headers }: SandboxReply): void {
  const isText = typeof body === 'string'
  const text = isText ? body : JSON.stringify(body)
  response
    .writeHead(status, {
      'content-type': isText ? 'text/plain' : 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      ...headers,
    })
    .end(text)
}

/** The reply to what a provider was asked, or `undefined` where the connection is to be reset. */
async function misbehave(
  { name, failure, refusal }: Pick<SandboxProvider, 'name' | 'failure' | 'refusal'>,
  faults: Faults,
  receive: (fault: Fault) => SandboxReply,
): Promise<SandboxReply | undefined> {
  const fault = faults.of(name)
  if (fault.mode === 'down') return undefined
  if (fault.mode === 'fail') return failure()
  if (fault.mode === 'refuse')
    return refusal(fault.code) ?? { status: 400, body: { error: `no such code: ${fault.code}` } }
  const reply = receive(fault)
  if (fault.mode === 'slow') await sleep(fault.latencyMs, undefined, { ref: false })
  return reply
}

function receive(
  provider: SandboxProvider,
  request: SandboxRequest,
  { inbox, faults, receipts }: ApiParts,
): Promise<SandboxReply | undefined> {
  return misbehave(provider, faults, (fault) => {
    const { reply, taken } = provider.receive(request)
    for (const one of taken) {
      inbox.add(one.message)
      receipts.follow(provider, one, fault)
    }
    return reply
  })
}

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  let origin = ''
  const providers = createProviders(options, () => origin)
  const inbox = new Inbox()
  const board = new CallBoard()
  const line = new PhoneLine({ board, delayMs: options.receiptDelayMs, log: options.log })
  const voice = createVoiceProviders(options, line)
  // Twilio is one provider for both: where it is down, it is down for messages and calls.
  const faults = new Faults([...new Set([...providers, ...voice].map(({ name }) => name))])
  const receipts = new Receipts({ delayMs: options.receiptDelayMs, log: options.log })
  const parts: ApiParts = { inbox, faults, receipts }

  async function answer(incoming: IncomingMessage): Promise<SandboxReply | undefined> {
    const body = await readBody(incoming)
    if (body === undefined) return { status: 413, body: { error: 'too large' } }
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://sandbox')
    const { method = '', headers } = incoming
    const request: SandboxRequest = { method, path: pathname, query: searchParams, headers, body }
    const provider = providers.find((candidate) => candidate.matches(request))
    if (provider !== undefined) return await receive(provider, request, parts)
    const carrier = voice.find((candidate) => candidate.matches(request))
    if (carrier !== undefined) return await misbehave(carrier, faults, () => carrier.receive(request))
    for (const { serve } of providers) {
      const reply = serve?.(request)
      if (reply !== undefined) return reply
    }
    const answered = (await answerVoiceApi(request, { board, providers: voice })) ?? answerApi(request, parts)
    return answered ?? { status: 404, body: { error: `no ${method} ${pathname} here` } }
  }

  const server = createServer((incoming, response) => {
    answer(incoming).then(
      (reply) => (reply === undefined ? incoming.socket.resetAndDestroy() : send(response, reply)),
      (error: unknown) => {
        // A client that went away in the middle of its request is no matter.
        if (!incoming.destroyed) options.log.error({ err: error }, 'the sandbox failed')
        incoming.socket.destroy()
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: options.host, port: options.port }, resolve)
  })
  // A TCP server that listens has an AddressInfo.
  origin = `http://${options.host}:${(server.address() as AddressInfo).port}`

  return {
    url: origin,
    inbox,
    faults,
    calls: board,
    async [Symbol.asyncDispose]() {
      receipts[Symbol.dispose]()
      line[Symbol.dispose]()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
