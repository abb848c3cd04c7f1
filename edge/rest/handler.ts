/** The HTTP side of the edge: pages, the contract's routes, and nothing else. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { corsHeaders, preflightHeaders } from './cors.ts'
import { createRestEvents, PAGE } from './events.ts'
import { type Exchange, openExchange } from './exchange.ts'
import type { Mount } from './pages.ts'
import { RestError } from './problem.ts'
import { compileRoutes, matchRoutes, type RouteMatch } from './routes.ts'
import { createServeRoute, type ServeOptions } from './serve-route.ts'
import { createSite } from './site.ts'

export interface RestOptions extends ServeOptions {
  readonly log: Log
  readonly metrics: Metrics
  /** Of web pages that may call, beside the edge's own. */
  readonly origins: readonly string[]
  readonly mounts: readonly Mount[]
}

export type RestHandler = (request: IncomingMessage, response: ServerResponse) => void

const PAGE_VERBS = ['GET', 'HEAD', 'OPTIONS']

function verbsOf(matches: readonly RouteMatch[]): readonly string[] {
  const verbs = [...new Set(matches.map(({ route }) => route.verb))]
  return [...verbs, ...(verbs.includes('GET') ? ['HEAD'] : []), 'OPTIONS']
}

function methodNotAllowed(verbs: readonly string[]): RestError {
  const allow = verbs.join(', ')
  return new RestError(ErrorReason.ERROR_REASON_UNKNOWN_METHOD, `This path takes ${allow}.`, {
    status: 405,
    headers: { allow },
  })
}

export function createRestHandler(options: RestOptions): RestHandler {
  const { bridge, log, metrics, origins, mounts } = options
  const routes = compileRoutes(bridge.methods)
  const events = createRestEvents(log, metrics)
  const site = createSite({ methods: bridge.methods, routes, mounts })
  const serveRoute = createServeRoute(options)

  function findMatches(path: string): readonly RouteMatch[] {
    try {
      return matchRoutes(routes, path)
    } catch (error) {
      if (!(error instanceof URIError)) throw error
      throw new DomainError(ErrorReason.ERROR_REASON_MALFORMED, 'The path is not percent-encoded UTF-8.')
    }
  }

  async function servePage(exchange: Exchange, verb: string): Promise<void> {
    const page = await site.find(exchange.path, exchange.request.headers)
    if (page === undefined) {
      throw new DomainError(ErrorReason.ERROR_REASON_UNKNOWN_METHOD, 'There is no such route.')
    }
    exchange.setRoute(PAGE, false)
    if (verb === 'OPTIONS') exchange.answer(204, preflightHeaders(PAGE_VERBS), '')
    else if (PAGE_VERBS.includes(verb)) exchange.answer(page.status, page.headers, page.body)
    else throw methodNotAllowed(PAGE_VERBS)
  }

  async function serve(exchange: Exchange): Promise<void> {
    const { request, path } = exchange
    const verb = request.method ?? 'GET'
    exchange.addHeaders(corsHeaders(request.headers, origins))
    if (path === '/v1/ws') {
      throw new RestError(ErrorReason.ERROR_REASON_MALFORMED, 'This path is a WebSocket.', {
        status: 426,
        headers: { upgrade: 'websocket', connection: 'upgrade' },
      })
    }
    const matches = findMatches(path)
    if (matches.length === 0) return await servePage(exchange, verb)
    const verbs = verbsOf(matches)
    if (verb === 'OPTIONS') {
      exchange.answer(204, preflightHeaders(verbs), '')
      return
    }
    // Node leaves the body of an answer to HEAD out by itself.
    const wanted = verb === 'HEAD' ? 'GET' : verb
    const match = matches.find(({ route }) => route.verb === wanted)
    if (match === undefined) throw methodNotAllowed(verbs)
    await serveRoute(exchange, match)
  }

  return (request, response) => {
    const exchange = openExchange(request, response, events)
    serve(exchange).catch((error: unknown) => exchange.fail(error))
  }
}
