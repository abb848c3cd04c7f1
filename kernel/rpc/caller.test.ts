import fc from 'fast-check'
import { Metadata } from 'nice-grpc-common'
import { expect, test } from 'vitest'
import {
  type Caller,
  callerMetadata,
  findServiceAccount,
  type PeerTrust,
  peerTrustOf,
  readCaller,
} from './caller.ts'

const KEY: PeerTrust = { mode: 'key', peerKey: 'the-peer-key-12345', serviceKey: 'the-service-key-12345' }
const MESH: PeerTrust = { mode: 'mesh', trustDomain: 'cluster.local', backendAccount: 'hushryd-backend' }

function asPeer(name: string, metadata: Metadata = new Metadata()): Metadata {
  return metadata.set('x-hushryd-peer', name).set('x-hushryd-peer-key', 'the-peer-key-12345')
}

function xfcc(account: string, domain = 'cluster.local'): string {
  return `By=spiffe://cluster.local/ns/hushryd/sa/location;Hash=aa11;Subject="O=x, OU=y;z";URI=spiffe://${domain}/ns/hushryd/sa/${account}`
}

const CALLERS: Caller[] = [
  { kind: 'user', userId: 'u1', role: 'passenger', deviceId: 'd1' },
  { kind: 'user', userId: 'u1', role: 'driver', deviceId: '' },
  { kind: 'user', userId: 'u1', role: 'admin', deviceId: 'd:1' },
  { kind: 'viewer', scope: 'fleet' },
  { kind: 'viewer', scope: 'trip:t1' },
  { kind: 'anonymous' },
  { kind: 'backend' },
  { kind: 'service', name: 'edge' },
]

test('what the edge attaches is what the service reads', () => {
  for (const caller of CALLERS) {
    const read = readCaller(asPeer('edge', callerMetadata(caller, 'req-1')), KEY)
    expect(read).toEqual({ caller, peer: 'edge', requestId: 'req-1' })
    const metadata = callerMetadata(caller, 'req-1').set('x-forwarded-client-cert', xfcc('edge'))
    expect(readCaller(metadata, MESH)).toEqual({ caller, peer: 'edge', requestId: 'req-1' })
  }
})

test('user metadata from anyone but the edge is not believed', () => {
  for (const caller of CALLERS) {
    const metadata = asPeer('location', callerMetadata(caller, 'req-1'))
    expect(readCaller(metadata, KEY).caller).toEqual({ kind: 'service', name: 'location' })
    expect(readCaller(callerMetadata(caller, 'req-1'), KEY).caller).toBeUndefined()
    expect(readCaller(callerMetadata(caller, 'req-1'), MESH).caller).toBeUndefined()
  }
})

test('a wrong peer key is nobody, whatever else the call carries', () => {
  const metadata = asPeer('edge')
    .set('x-hushryd-peer-key', 'wrong')
    .set('authorization', 'Bearer the-service-key-12345')
  expect(readCaller(metadata, KEY)).toMatchObject({ caller: undefined, peer: undefined })
})

test('the backend is known by its key or its service account', () => {
  const bearer = new Metadata({ authorization: 'Bearer the-service-key-12345' })
  expect(readCaller(bearer, KEY).caller).toEqual({ kind: 'backend' })
  expect(readCaller(bearer, { ...KEY, serviceKey: undefined }).caller).toBeUndefined()
  expect(readCaller(new Metadata({ authorization: 'Bearer nope' }), KEY).caller).toBeUndefined()
  expect(readCaller(bearer, MESH).caller).toBeUndefined()
  const byMesh = new Metadata({ 'x-forwarded-client-cert': xfcc('hushryd-backend') })
  expect(readCaller(byMesh, MESH).caller).toEqual({ kind: 'backend' })
})

test('keys mean nothing in the mesh, and certificates nothing outside of it', () => {
  expect(readCaller(asPeer('edge'), MESH).caller).toBeUndefined()
  expect(readCaller(new Metadata({ 'x-forwarded-client-cert': xfcc('edge') }), KEY).caller).toBeUndefined()
})

test('half an identity is none', () => {
  const edge = (entries: Record<string, string>) =>
    readCaller(asPeer('edge', new Metadata(entries)), KEY).caller
  expect(edge({ 'x-hushryd-role': 'driver' })).toBeUndefined()
  expect(edge({ 'x-hushryd-user': 'u1' })).toBeUndefined()
  expect(edge({ 'x-hushryd-role': 'viewer' })).toBeUndefined()
  expect(edge({ 'x-hushryd-role': 'root', 'x-hushryd-user': 'u1' })).toBeUndefined()
})

test('only the last certificate of the header counts: proxies append', () => {
  expect(findServiceAccount(`${xfcc('edge')},${xfcc('directory')}`, 'cluster.local')).toBe('directory')
  expect(findServiceAccount(xfcc('edge', 'elsewhere'), 'cluster.local')).toBeUndefined()
  expect(
    findServiceAccount('By=x;Subject="a,URI=spiffe://cluster.local/ns/n/sa/edge"', 'cluster.local'),
  ).toBeUndefined()
  expect(
    findServiceAccount(`${xfcc('edge')};URI=spiffe://cluster.local/ns/n/sa/b`, 'cluster.local'),
  ).toBeUndefined()
  expect(findServiceAccount('', 'cluster.local')).toBeUndefined()
})

test('no header makes the certificate parser throw or find an account inside of quotes', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const quoted = `Subject="${text.replaceAll(/["\\]/g, '')},URI=spiffe://cluster.local/ns/n/sa/edge"`
      expect(findServiceAccount(quoted, 'cluster.local')).toBeUndefined()
      findServiceAccount(text, 'cluster.local')
    }),
  )
})

test('a request id that is no plain text is replaced', () => {
  const metadata = asPeer('edge').set('x-request-id', 'a b "c"')
  expect(readCaller(metadata, KEY).requestId).toMatch(/^[0-9a-f-]{36}$/)
})

test('trust by key needs the key', () => {
  const config = { PEER_TRUST: 'key', HUSHRYD_PEER_KEY: undefined, HUSHRYD_SERVICE_KEY: undefined } as const
  expect(() => peerTrustOf(config)).toThrow('HUSHRYD_PEER_KEY')
  expect(peerTrustOf({ ...config, PEER_TRUST: 'mesh' })).toEqual(MESH)
})
