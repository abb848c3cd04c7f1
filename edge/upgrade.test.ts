import { describe, expect, it } from 'vitest'
import { AdmissionGate, HANDSHAKES_MAX } from './admission.ts'
import { socketsWithin } from './file-limit.ts'
import { isOriginAllowed } from './origin.ts'
import { newSecret, newToken, parseToken } from './session-token.ts'
import { readUpgrade, UpgradeError } from './upgrade.ts'

const headers = {
  host: 'edge.example',
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
}
const authorization = `Bearer ${newToken('asha')}`

function refusalOf(request: Parameters<typeof readUpgrade>[0]): string {
  try {
    readUpgrade(request, ['https://app.example'])
    return 'taken'
  } catch (error) {
    if (error instanceof UpgradeError) return error.refusal
    throw error
  }
}

describe('an upgrade request', () => {
  it('says which subprotocol and which credential', () => {
    const secret = newSecret()
    const ask = (url: string, more: Record<string, string>) =>
      readUpgrade({ method: 'GET', url, headers: { ...headers, ...more } }, [])
    expect(ask('/v1/ws', { authorization })).toMatchObject({
      protocol: undefined,
      codec: { protocol: 'hushryd.v1.json' },
      credential: { kind: 'token' },
    })
    const offered = { 'sec-websocket-protocol': 'x, hushryd.v1.proto, hushryd.v1.json' }
    expect(ask(`/v1/ws?ticket=${secret}`, offered)).toMatchObject({
      protocol: 'hushryd.v1.proto',
      credential: { kind: 'ticket', ticket: secret },
    })
    expect(ask(`/v1/ws?share=${secret}`, {})).toMatchObject({ credential: { kind: 'share', token: secret } })
    expect(ask(`/v1/ws?ticket=${secret}`, { authorization })).toMatchObject({ credential: { kind: 'token' } })
  })

  it('that cannot succeed is refused without a look at any store', () => {
    const request = { method: 'GET', url: '/v1/ws', headers: { ...headers, authorization } }
    expect(refusalOf(request)).toBe('taken')
    expect(refusalOf({ ...request, url: '/v1/wss' })).toBe('path')
    expect(refusalOf({ ...request, method: 'POST' })).toBe('handshake')
    expect(refusalOf({ ...request, headers: { ...request.headers, origin: 'https://evil.example' } })).toBe(
      'origin',
    )
    expect(refusalOf({ ...request, headers: { ...request.headers, 'sec-websocket-version': '8' } })).toBe(
      'handshake',
    )
    expect(refusalOf({ ...request, headers: { ...request.headers, 'sec-websocket-protocol': 'x' } })).toBe(
      'handshake',
    )
    for (const bad of ['Basic abc', 'Bearer ', 'Bearer abc', `${authorization}x`]) {
      expect(refusalOf({ ...request, headers: { ...headers, authorization: bad } })).toBe('credentials')
    }
    expect(refusalOf({ ...request, url: '/v1/ws?ticket=', headers })).toBe('credentials')
  })
})

describe('an origin', () => {
  it('is allowed where it is listed, the edge’s own, or none', () => {
    const allowed = ['https://app.example']
    const cases = [
      [undefined, 'edge.example', true],
      ['https://app.example', 'edge.example', true],
      ['https://edge.example', 'edge.example', true],
      ['https://edge.example', 'edge.example:443', true],
      ['http://localhost:8080', 'localhost:8080', true],
      ['http://localhost:8081', 'localhost:8080', false],
      ['https://app.example.evil', 'edge.example', false],
      ['null', 'edge.example', false],
      ['', 'edge.example', false],
      ['https://evil.example', undefined, false],
    ] as const
    for (const [origin, host, isAllowed] of cases)
      expect(isOriginAllowed(origin, host, allowed)).toBe(isAllowed)
  })
})

describe('a session’s token', () => {
  it('names its user, has one spelling, and is nothing else', () => {
    const token = newToken('asha@example')
    expect(parseToken(token)?.userId).toBe('asha@example')
    const [user = '', secret = ''] = token.split('.')
    for (const bad of [
      user,
      `${user}.`,
      `${user}=.${secret}`,
      `${token}x`,
      `.${secret}`,
      `${user} .${secret}`,
    ]) {
      expect(parseToken(bad)).toBeUndefined()
    }
  })
})

describe('admission', () => {
  const limits = { connectsPerSecond: 10, connectionsMax: 100 }
  const free = { connections: 0, handshakes: 0 }

  it('takes a second’s worth at once, then the rate, and says when to come back', () => {
    const gate = new AdmissionGate(limits, 0, () => 0.5)
    const admitted = (count: number, nowMs: number): number =>
      Array.from({ length: count }, () => gate.admit(nowMs, free)).filter(({ isAdmitted }) => isAdmitted)
        .length
    expect(admitted(50, 0)).toBe(10)
    expect(admitted(50, 500)).toBe(5)
    expect(admitted(50, 100_000)).toBe(10)
    expect(gate.admit(100_000, free)).toEqual({ isAdmitted: false, retryAfterMs: 3_000 })
    gate.refund()
    expect(gate.admit(100_000, free)).toEqual({ isAdmitted: true })
  })

  it('takes no more sockets than the node holds, nor more handshakes than the store bears', () => {
    const gate = new AdmissionGate({ connectsPerSecond: 10, connectionsMax: 10_000 }, 0)
    expect(gate.admit(0, { connections: 9_999, handshakes: 0 }).isAdmitted).toBe(true)
    expect(gate.admit(0, { connections: 9_999, handshakes: 1 }).isAdmitted).toBe(false)
    expect(gate.admit(0, { connections: 0, handshakes: HANDSHAKES_MAX }).isAdmitted).toBe(false)
  })

  it('leaves files for what is not a socket', () => {
    expect([
      socketsWithin(18_000, undefined),
      socketsWithin(18_000, 1_024),
      socketsWithin(18_000, 65_536),
    ]).toEqual([18_000, 524, 18_000])
  })
})
