import { Audience } from '@hushryd/gen/hushryd/options/v1/options.ts'
import { expect, test } from 'vitest'
import { ErrorReason } from '../error.ts'
import { audiencesOf, checkAudience, mayCall } from './audience.ts'
import type { Caller } from './caller.ts'
import { descriptors } from './descriptors.ts'

const PASSENGER: Caller = { kind: 'user', userId: 'u', role: 'passenger', deviceId: 'd' }
const DRIVER: Caller = { ...PASSENGER, role: 'driver' }
const ADMIN: Caller = { ...PASSENGER, role: 'admin' }
const VIEWER: Caller = { kind: 'viewer', scope: 'trip:t1' }
const BACKEND: Caller = { kind: 'backend' }
const ANONYMOUS: Caller = { kind: 'anonymous' }
const SERVICE: Caller = { kind: 'service', name: 'location' }

const CALLERS = [
  [PASSENGER, Audience.AUDIENCE_PASSENGER],
  [DRIVER, Audience.AUDIENCE_DRIVER],
  [ADMIN, Audience.AUDIENCE_ADMIN],
  [VIEWER, Audience.AUDIENCE_VIEWER],
  [BACKEND, Audience.AUDIENCE_BACKEND],
] as const

test('every caller reaches exactly the methods whose audience names it', () => {
  const closed = Object.values(Audience).filter((audience) => audience !== Audience.AUDIENCE_PUBLIC)
  for (const audience of closed) {
    for (const [caller, own] of CALLERS) {
      expect(mayCall(caller, new Set([audience])), `${JSON.stringify(caller)} and ${audience}`).toBe(
        audience === own,
      )
    }
  }
})

test('a public method is open to everyone, and the anonymous reach nothing else', () => {
  const everyone = [...CALLERS.map(([caller]) => caller), ANONYMOUS, SERVICE]
  for (const caller of everyone) expect(mayCall(caller, new Set([Audience.AUDIENCE_PUBLIC]))).toBe(true)
  for (const audience of Object.values(Audience)) {
    expect(mayCall(ANONYMOUS, new Set([audience]))).toBe(audience === Audience.AUDIENCE_PUBLIC)
  }
})

test('also a public method wants to know that the edge sent the call', () => {
  expect(() => checkAudience(undefined, new Set([Audience.AUDIENCE_PUBLIC]))).toThrow(
    expect.objectContaining({ reason: ErrorReason.ERROR_REASON_UNAUTHENTICATED }),
  )
})

test('a service of ours reaches every method, also those without audience', () => {
  expect(mayCall(SERVICE, new Set())).toBe(true)
  for (const [caller] of CALLERS) expect(mayCall(caller, new Set())).toBe(false)
})

test('nobody is UNAUTHENTICATED, the wrong one FORBIDDEN', () => {
  const audiences = new Set([Audience.AUDIENCE_ADMIN])
  expect(checkAudience(ADMIN, audiences)).toBe(ADMIN)
  expect(() => checkAudience(undefined, audiences)).toThrow(
    expect.objectContaining({ reason: ErrorReason.ERROR_REASON_UNAUTHENTICATED }),
  )
  expect(() => checkAudience(DRIVER, audiences)).toThrow(
    expect.objectContaining({ reason: ErrorReason.ERROR_REASON_FORBIDDEN }),
  )
})

test('the audiences are those of the contract', () => {
  const location = '/hushryd.location.v1.LocationService'
  expect(audiencesOf(`${location}/FindNearby`)).toEqual(
    new Set([Audience.AUDIENCE_ADMIN, Audience.AUDIENCE_BACKEND]),
  )
  expect(audiencesOf(`${location}/ReportLocation`)).toEqual(new Set([Audience.AUDIENCE_DRIVER]))
  expect(audiencesOf(`${location}/Connect`)).toEqual(new Set())
  expect(() => audiencesOf(`${location}/Nothing`)).toThrow('no method')
  for (const path of descriptors().methods.keys()) {
    expect(audiencesOf(path).has(Audience.AUDIENCE_UNSPECIFIED), path).toBe(false)
  }
})
