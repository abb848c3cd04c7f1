/** What the page and the tests ask of the sandbox, beside what it plays. */
import { readFileSync } from 'node:fs'
import { jsonOf, type SandboxReply, type SandboxRequest } from './exchange.ts'
import { BadFault, type Faults } from './faults.ts'
import { type Inbox, PAGE_MAX } from './inbox.ts'
import type { Receipts } from './receipts.ts'

export interface ApiParts {
  readonly inbox: Inbox
  readonly faults: Faults
  readonly receipts: Receipts
}

const PAGE = readFileSync(new URL('page.html', import.meta.url), 'utf8')

function findMessages({ query }: SandboxRequest, { inbox }: ApiParts): SandboxReply {
  const limit = Number(query.get('limit') ?? PAGE_MAX)
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_MAX)
    return { status: 400, body: { error: `limit is not from 1 to ${PAGE_MAX}` } }
  const text = (name: string) => query.get(name) ?? undefined
  return {
    status: 200,
    body: inbox.find({ channel: text('channel'), to: text('to'), provider: text('provider'), limit }),
  }
}

function putFault(request: SandboxRequest, { faults }: ApiParts): SandboxReply {
  try {
    return { status: 200, body: faults.set(jsonOf(request)) }
  } catch (error) {
    if (!(error instanceof BadFault)) throw error
    return { status: 400, body: { error: error.message } }
  }
}

/** Undefined for addresses that are none of these. */
export function answerApi(request: SandboxRequest, parts: ApiParts): SandboxReply | undefined {
  const { inbox, faults, receipts } = parts
  switch (`${request.method} ${request.path}`) {
    case 'GET /':
      return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: PAGE }
    case 'GET /healthz':
      return { status: 200, body: { status: 'ok' } }
    case 'GET /api/messages':
      return findMessages(request, parts)
    case 'DELETE /api/messages':
      inbox.clear()
      return { status: 204, body: '' }
    case 'GET /api/faults':
      return { status: 200, body: faults.list() }
    case 'PUT /api/faults':
      return putFault(request, parts)
    case 'GET /api/counts':
      return { status: 200, body: { taken: inbox.counts(), receiptsLost: receipts.lost } }
    default:
      return undefined
  }
}
