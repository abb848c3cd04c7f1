/**
 * Who is calling. The edge has checked the session and tells it in metadata,
 * which is believed only from the edge itself; who the edge is comes from the
 * mesh (SPIFFE id) or from a key that HushRyd's processes share.
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { Metadata } from 'nice-grpc-common'

export type Role = 'passenger' | 'driver' | 'admin'

export type Caller =
  /** A signed-in person, through the edge. */
  | { readonly kind: 'user'; readonly userId: string; readonly role: Role; readonly deviceId: string }
  /** A share link's holder (`trip:<id>`), or a viewer of the public map (`fleet`), through the edge. */
  | { readonly kind: 'viewer'; readonly scope: string }
  /** Someone without credentials, through the edge. */
  | { readonly kind: 'anonymous' }
  /** HushRyd's own backend, through the edge or directly. */
  | { readonly kind: 'backend' }
  /** One of HushRyd's processes, on its own behalf. */
  | { readonly kind: 'service'; readonly name: string }

export type PeerTrust =
  | {
      /** Only where a sidecar terminates every connection: it removes what callers put into the header. */
      readonly mode: 'mesh'
      readonly trustDomain: string
      readonly backendAccount: string
    }
  | {
      readonly mode: 'key'
      readonly peerKey: string
      /** Of HushRyd's backend; undefined: it has no access. */
      readonly serviceKey: string | undefined
    }

/** What a process presents to its peers. Without a key the mesh vouches for it. */
export interface PeerCredential {
  readonly name: string
  readonly key: string | undefined
}

export function peerCredential(name: string, key: string | undefined): PeerCredential {
  return { name, key }
}

interface PeerConfig {
  readonly PEER_TRUST: 'mesh' | 'key'
  readonly HUSHRYD_PEER_KEY: string | undefined
  readonly HUSHRYD_SERVICE_KEY: string | undefined
  readonly BACKEND_ACCOUNT?: string
  readonly MESH_TRUST_DOMAIN?: string
}

/** From the settings in common-settings.ts. */
export function peerTrustOf(config: PeerConfig): PeerTrust {
  if (config.PEER_TRUST === 'mesh') {
    return {
      mode: 'mesh',
      trustDomain: config.MESH_TRUST_DOMAIN ?? 'cluster.local',
      backendAccount: config.BACKEND_ACCOUNT ?? 'hushryd-backend',
    }
  }
  if (config.HUSHRYD_PEER_KEY === undefined) throw new Error('PEER_TRUST=key without HUSHRYD_PEER_KEY')
  return { mode: 'key', peerKey: config.HUSHRYD_PEER_KEY, serviceKey: config.HUSHRYD_SERVICE_KEY }
}

export const CALLER_KEYS = {
  peer: 'x-hushryd-peer',
  peerKey: 'x-hushryd-peer-key',
  user: 'x-hushryd-user',
  role: 'x-hushryd-role',
  device: 'x-hushryd-device',
  scope: 'x-hushryd-scope',
  requestId: 'x-request-id',
  authorization: 'authorization',
  clientCert: 'x-forwarded-client-cert',
} as const

/** The one peer whose word about users is taken. */
const EDGE = 'edge'

/** What the edge attaches for its caller; the peer's credential comes from the RPC client. */
export function callerMetadata(caller: Caller, requestId: string): Metadata {
  const metadata = new Metadata()
  metadata.set(CALLER_KEYS.requestId, requestId)
  if (caller.kind === 'user') {
    metadata.set(CALLER_KEYS.user, caller.userId)
    metadata.set(CALLER_KEYS.role, caller.role)
    if (caller.deviceId !== '') metadata.set(CALLER_KEYS.device, caller.deviceId)
  } else if (caller.kind === 'viewer') {
    metadata.set(CALLER_KEYS.role, 'viewer')
    metadata.set(CALLER_KEYS.scope, caller.scope)
  } else if (caller.kind === 'backend' || caller.kind === 'anonymous') {
    metadata.set(CALLER_KEYS.role, caller.kind)
  }
  return metadata
}

export interface ReadCaller {
  /** Undefined: nobody whom we know. */
  readonly caller: Caller | undefined
  /** The process at the other end of the connection, where it is one of ours. */
  readonly peer: string | undefined
  readonly requestId: string
}

/** Digests have one length, so that the comparison takes the same time for every input. */
export function isSameKey(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

/** Splits at the separator outside of double quotes, where a backslash escapes. */
function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let isQuoted = false
  let start = 0
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index]
    if (char === '\\') index += 1
    else if (char === '"') isQuoted = !isQuoted
    else if (char === separator && !isQuoted) {
      parts.push(text.slice(start, index))
      start = index + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/**
 * The service account in Envoy's x-forwarded-client-cert. Proxies append, so
 * only the last element is the certificate that our own sidecar has seen.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
 */
export function findServiceAccount(header: string, trustDomain: string): string | undefined {
  const last = splitOutsideQuotes(header, ',').at(-1) ?? ''
  const uris: string[] = []
  for (const pair of splitOutsideQuotes(last, ';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim().toLowerCase() === 'uri') {
      uris.push(
        pair
          .slice(equals + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      )
    }
  }
  // An SVID has exactly one URI; more is a certificate that we do not understand.
  const [uri] = uris
  if (uris.length !== 1 || uri === undefined) return undefined
  const match = /^spiffe:\/\/([^/]+)\/ns\/[^/]+\/sa\/([^/]+)$/.exec(uri)
  return match?.[1] === trustDomain ? match[2] : undefined
}

type Peer = { readonly kind: 'peer'; readonly name: string } | { readonly kind: 'backend' } | undefined

function readPeer(metadata: Metadata, trust: PeerTrust): Peer {
  if (trust.mode === 'mesh') {
    const header = metadata.getAll(CALLER_KEYS.clientCert).join(',')
    const account = findServiceAccount(header, trust.trustDomain)
    if (account === undefined) return undefined
    return account === trust.backendAccount ? { kind: 'backend' } : { kind: 'peer', name: account }
  }
  const name = metadata.get(CALLER_KEYS.peer)
  const key = metadata.get(CALLER_KEYS.peerKey)
  if (name !== undefined && name !== '' && key !== undefined) {
    return isSameKey(key, trust.peerKey) ? { kind: 'peer', name } : undefined
  }
  const bearer = /^Bearer (.+)$/i.exec(metadata.get(CALLER_KEYS.authorization) ?? '')?.[1]
  if (bearer !== undefined && trust.serviceKey !== undefined && isSameKey(bearer, trust.serviceKey)) {
    return { kind: 'backend' }
  }
  return undefined
}

function readForwarded(metadata: Metadata): Caller | undefined {
  const role = metadata.get(CALLER_KEYS.role)
  const userId = metadata.get(CALLER_KEYS.user) ?? ''
  switch (role) {
    case undefined:
      // The edge's own calls: its lanes.
      return userId === '' ? { kind: 'service', name: EDGE } : undefined
    case 'passenger':
    case 'driver':
    case 'admin':
      return userId === ''
        ? undefined
        : { kind: 'user', userId, role, deviceId: metadata.get(CALLER_KEYS.device) ?? '' }
    case 'viewer': {
      const scope = metadata.get(CALLER_KEYS.scope) ?? ''
      return scope === '' ? undefined : { kind: 'viewer', scope }
    }
    case 'backend':
      return { kind: 'backend' }
    case 'anonymous':
      return { kind: 'anonymous' }
    default:
      return undefined
  }
}

/** Request ids of callers go into logs and answers, so only plain ones are taken over. */
const REQUEST_ID = /^[A-Za-z0-9_.:-]{1,100}$/

export function readCaller(metadata: Metadata, trust: PeerTrust): ReadCaller {
  const given = metadata.get(CALLER_KEYS.requestId) ?? ''
  const requestId = REQUEST_ID.test(given) ? given : randomUUID()
  const peer = readPeer(metadata, trust)
  if (peer === undefined) return { caller: undefined, peer: undefined, requestId }
  if (peer.kind === 'backend') return { caller: { kind: 'backend' }, peer: 'backend', requestId }
  const caller: Caller | undefined =
    peer.name === EDGE ? readForwarded(metadata) : { kind: 'service', name: peer.name }
  return { caller, peer: peer.name, requestId }
}
