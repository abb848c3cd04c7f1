/** What the page and the tests ask of the sandbox's telephony. */
import { jsonOf, type SandboxReply, type SandboxRequest } from '../exchange.ts'
import { BEHAVIOURS, type CallBoard, type SandboxCall } from './call-board.ts'
import { SANDBOX_NUMBERS } from './numbers.ts'
import type { VoiceSandbox } from './voice-provider.ts'

export interface VoiceApiParts {
  readonly board: CallBoard
  readonly providers: readonly VoiceSandbox[]
}

function bad(error: string): SandboxReply {
  return { status: 400, body: { error } }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function shown({ legs, ...call }: SandboxCall) {
  return { ...call, legs: legs.map((leg) => ({ ...leg })) }
}

/** The provider that is named, or that has the number. */
function providerOf(
  { providers }: VoiceApiParts,
  { provider, to }: Readonly<Record<string, unknown>>,
): VoiceSandbox | undefined {
  const owner = SANDBOX_NUMBERS.find(({ number }) => number === to)?.provider ?? providers[0]?.name
  return providers.find(({ name }) => name === (provider ?? owner))
}

async function ringIn(request: SandboxRequest, parts: VoiceApiParts): Promise<SandboxReply> {
  const fields = jsonOf(request)
  const provider = providerOf(parts, fields)
  const [from, to] = [text(fields.from), text(fields.to)]
  if (provider === undefined || from === '' || to === '') return bad('from and to are needed')
  return { status: 200, body: shown(await provider.ringIn(from, to)) }
}

async function textIn(request: SandboxRequest, parts: VoiceApiParts): Promise<SandboxReply> {
  const fields = jsonOf(request)
  const provider = providerOf(parts, fields)
  const [from, to, body] = [text(fields.from), text(fields.to), text(fields.body)]
  if (provider === undefined || from === '' || to === '') return bad('from and to are needed')
  return { status: 200, body: { reply: await provider.textIn(from, to, body) } }
}

function putPhone(request: SandboxRequest, { board }: VoiceApiParts): SandboxReply {
  const { number, behaviour } = jsonOf(request)
  const known = BEHAVIOURS.find((one) => one === behaviour)
  if (typeof number !== 'string' || known === undefined)
    return bad(`number is needed, and behaviour is one of ${BEHAVIOURS.join(', ')}`)
  board.behave(number, known)
  return { status: 200, body: { number, behaviour: known } }
}

function hangUp(request: SandboxRequest, { board }: VoiceApiParts): SandboxReply {
  const number = text(jsonOf(request).number)
  return { status: 200, body: { number, hungUp: board.hangUp(number) } }
}

/** Undefined for addresses that are none of these. */
export async function answerVoiceApi(
  request: SandboxRequest,
  parts: VoiceApiParts,
): Promise<SandboxReply | undefined> {
  switch (`${request.method} ${request.path}`) {
    case 'GET /api/calls': {
      const filter = {
        provider: request.query.get('provider') ?? undefined,
        number: request.query.get('number') ?? undefined,
      }
      return { status: 200, body: parts.board.find(filter).map(shown) }
    }
    case 'DELETE /api/calls':
      parts.board.clear()
      return { status: 204, body: '' }
    case 'POST /api/calls/inbound':
      return await ringIn(request, parts)
    case 'POST /api/calls/hang-up':
      return hangUp(request, parts)
    case 'POST /api/sms/inbound':
      return await textIn(request, parts)
    case 'PUT /api/phones':
      return putPhone(request, parts)
    default:
      return undefined
  }
}
