import fc from 'fast-check'
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

  function admittedOf(gate: AdmissionGate, count: number, nowMs: number): number {
    return Array.from({ length: count }, () => gate.admit(nowMs, free)).filter(({ isAdmitted }) => isAdmitted)
      .length
  }

  it('takes a second’s worth at once, the next a second later, and says when to come back', () => {
    const gate = new AdmissionGate(limits, 0, () => 0.5)
    expect(admittedOf(gate, 50, 0)).toBe(10)
    expect(admittedOf(gate, 50, 999)).toBe(0)
    expect(admittedOf(gate, 6, 1_050)).toBe(6)
    expect(admittedOf(gate, 50, 1_500)).toBe(4)
    expect(admittedOf(gate, 50, 100_000)).toBe(10)
    expect(gate.admit(100_000, free)).toEqual({ isAdmitted: false, retryAfterMs: 3_000 })
  })

  it('gives the place of one who had no right to come to the next, while it counts', () => {
    const gate = new AdmissionGate(limits, 0)
    const admitted = gate.admit(0, free)
    if (!admitted.isAdmitted) throw new Error('the first is admitted')
    expect(admittedOf(gate, 50, 100)).toBe(9)
    gate.refund(admitted.slot)
    expect(admittedOf(gate, 50, 200)).toBe(1)
    expect(admittedOf(gate, 50, 10_000)).toBe(10)
    gate.refund(admitted.slot)
    expect(admittedOf(gate, 50, 10_000)).toBe(0)
  })

  it('never takes more than the rate in any second, nor much less than the rate while all want in', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 100 })
    fc.assert(
      fc.property(waits, fc.integer({ min: 1, max: 30 }), (gaps, connectsPerSecond) => {
        const gate = new AdmissionGate({ ...limits, connectsPerSecond }, 0)
        const takenMs: number[] = []
        let nowMs = 0
        for (const gap of gaps) {
          nowMs += gap
          for (let count = admittedOf(gate, 40, nowMs); count > 0; count -= 1) takenMs.push(nowMs)
          const takenWithin = (ms: number): number => takenMs.filter((timeMs) => timeMs > nowMs - ms).length
          expect(takenWithin(1_000)).toBeLessThanOrEqual(connectsPerSecond)
          // Time is counted in slots of 50 ms.
          expect(takenWithin(1_050)).toBeGreaterThanOrEqual(connectsPerSecond)
        }
      }),
    )
  })

  it('goes on a second after the clock was set back', () => {
    const gate = new AdmissionGate(limits, 3_600_000)
    expect(admittedOf(gate, 50, 3_600_000)).toBe(10)
    expect(admittedOf(gate, 50, 0)).toBe(0)
    expect(admittedOf(gate, 50, 1_050)).toBe(10)
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
