/** One request of a route: who, how often, what, and the answer. */
import { DomainError } from '@hushryd/kernel/error.ts'
import { errorOf } from '@hushryd/kernel/error-table.ts'
import type { BridgeMethod, CallBridge, CallContext } from '../bridge/call.ts'
import { checkCaller } from '../bridge/exposed-methods.ts'
import type { JsonObject } from '../bridge/json-object.ts'
import { clientAddress } from './address.ts'
import type { Authenticator, Credential, RestIdentity } from './authenticate.ts'
import { parseJsonBody, readBody } from './body.ts'
import { sendEvents } from './event-stream.ts'
import type { Exchange } from './exchange.ts'
import type { OpenStreams } from './open-streams.ts'
import type { RateLimiter } from './rate-limit.ts'
import { answerRaw, rawRequestJson } from './raw-http.ts'
import { requestJson } from './request-json.ts'
import type { Route, RouteMatch } from './routes.ts'

export interface ServeOptions {
  readonly bridge: CallBridge
  readonly authenticator: Authenticator
  readonly limiter: RateLimiter
  readonly streams: OpenStreams
  readonly publicUrl: string
  readonly trustedProxies: number
}

/** Nobody in danger is told to come back later. */
const UNLIMITED_SERVICE = 'hushryd.sos.v1.SosService'

export type ServeRoute = (exchange: Exchange, match: RouteMatch) => Promise<void>

export function createServeRoute(options: ServeOptions): ServeRoute {
  const { bridge, authenticator, limiter, streams, publicUrl, trustedProxies } = options

  async function identify(
    credential: Credential,
    address: string,
    isCounted: boolean,
  ): Promise<RestIdentity> {
    try {
      return await authenticator.identify(credential)
    } catch (error) {
      // What was not counted when it came is counted when its credentials are wrong.
      if (!isCounted && isBadCredential(error)) await limiter.takeAddress(address)
      throw error
    }
  }

  async function admit({ request, query }: Exchange, method: BridgeMethod): Promise<RestIdentity> {
    const address = clientAddress(request, trustedProxies)
    const isLimited = method.serviceName !== UNLIMITED_SERVICE
    const credential = authenticator.read(request.headers, query)
    const isCounted = isLimited && credential.kind !== 'service'
    // The address comes first: what floods with made-up tokens does not reach the store of sessions.
    if (isCounted) await limiter.takeAddress(address)
    const identity = await identify(credential, address, isCounted)
    if (isLimited && identity.caller.kind === 'user') await limiter.takeUser(identity.caller.userId)
    checkCaller(method, identity.caller)
    return identity
  }

  function contextOf(exchange: Exchange, identity: RestIdentity, signal: AbortSignal): CallContext {
    return {
      caller: identity.caller,
      requestId: exchange.requestId,
      signal,
      sessionHash: 'sessionHash' in identity ? identity.sessionHash : undefined,
    }
  }

  /** Providers have no session, and their signatures are the service's to check. */
  async function serveRaw(exchange: Exchange, match: RouteMatch): Promise<void> {
    const { method } = match.route
    const identity: RestIdentity = { caller: { kind: 'anonymous' } }
    checkCaller(method, identity.caller)
    const body = await readBody(exchange.request)
    const json = requestJson({ match, query: new URLSearchParams(), body: undefined, lastEventId: undefined })
    const request = { ...json, ...rawRequestJson({ exchange, publicUrl, body }) }
    answerRaw(
      exchange,
      await bridge.callJson(method, request, contextOf(exchange, identity, exchange.signal)),
    )
  }

  async function readRequest(exchange: Exchange, match: RouteMatch): Promise<JsonObject> {
    const { headers } = exchange.request
    const lastEventId = headers['last-event-id']
    return requestJson({
      match,
      query: exchange.query,
      body:
        match.route.body === undefined ? undefined : parseJsonBody(headers, await readBody(exchange.request)),
      lastEventId: Array.isArray(lastEventId) ? lastEventId[0] : lastEventId,
    })
  }

  async function serveStream(exchange: Exchange, match: RouteMatch, identity: RestIdentity): Promise<void> {
    const { method, answer } = match.route
    if (exchange.request.method === 'HEAD') {
      exchange.answer(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }, '')
      return
    }
    const request = await readRequest(exchange, match)
    const stream = streams.open(identity, exchange.signal)
    try {
      const messages = bridge.streamJson(method, request, contextOf(exchange, identity, stream.signal))
      await sendEvents({ exchange, stream, messages, select: (message) => selectAnswer(message, answer) })
    } finally {
      stream.close()
    }
  }

  return async function serveRoute(exchange, match) {
    const { route } = match
    exchange.setRoute(route.template.text, route.method.isStream)
    if (route.isRaw) return await serveRaw(exchange, match)
    const identity = await admit(exchange, route.method)
    if (route.method.isStream) return await serveStream(exchange, match, identity)
    const request = await readRequest(exchange, match)
    const answer = await bridge.callJson(
      route.method,
      request,
      contextOf(exchange, identity, exchange.signal),
    )
    exchange.answer(
      200,
      { 'content-type': 'application/json', 'cache-control': 'no-store' },
      JSON.stringify(selectAnswer(answer, route.answer)),
    )
  }
}

function isBadCredential(error: unknown): boolean {
  return error instanceof DomainError && errorOf(error.reason).http === 401
}

/** A message that was not set is still an object to the caller. */
function selectAnswer(message: JsonObject, field: Route['answer']) {
  return field === undefined ? message : (message[field.jsonName] ?? {})
}
