import { SessionRevoked } from '@hushryd/gen/hushryd/push/v1/push.ts'
import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import { describe, expect, it } from 'vitest'
import type { Connection } from './connection.ts'
import { Connections } from './connections.ts'
import type { SessionIdentity } from './identity.ts'
import { LOOK_EVERY_AWAY_MS, Revocations } from './revocations.ts'
import type { Revocation } from './session-store.ts'

function identity(userId: string, sessionHash: string, createdAtMs: number): SessionIdentity {
  const caller = { kind: 'user', userId, role: 'passenger', deviceId: '' } as const
  return { caller, sessionHash, createdAtMs, expiresAtMs: Number.MAX_SAFE_INTEGER }
}

class World {
  readonly clock = new FakeClock(1_000_000)
  readonly connections = new Connections()
  readonly closed: string[] = []
  readonly told: string[] = []
  stored: Revocation[] = []
  lookedSinceMs: number[] = []
  isNatsConnected = true
  #number = 0
  readonly revocations = new Revocations({
    connections: this.connections,
    revokedSince: async (sinceMs) => {
      this.lookedSinceMs.push(sinceMs)
      return this.stored.filter(({ atMs }) => atMs >= sinceMs)
    },
    isNatsConnected: () => this.isNatsConnected,
    onRevoked: (userId) => void this.told.push(userId),
    clock: this.clock,
  })

  open(userId: string, hash: string, createdAtMs: number): void {
    this.#number += 1
    const closed = this.closed
    // As much of a connection as is looked at here.
    const connection = {
      number: this.#number,
      identity: identity(userId, hash, createdAtMs),
      role: 'passenger',
      goAway: () => undefined,
      close: (code: number) => void closed.push(`${userId} ${hash} ${code}`),
    }
    this.connections.add(connection as unknown as Connection)
  }
}

function message(userId: string, tokenHashes: string[], revokedAt: number): Uint8Array {
  return SessionRevoked.encode({ userId, tokenHashes, revokedAt }).finish()
}

describe('a revocation', () => {
  it('of one session closes its sockets and no other of the person', () => {
    const world = new World()
    world.open('u', 'h1', 10)
    world.open('u', 'h1', 10)
    world.open('u', 'h2', 10)
    world.open('v', 'h1', 10)
    world.revocations.receive(message('u', ['h1'], 1_000_000))
    expect(world.closed).toEqual(['u h1 4500', 'u h1 4500'])
  })

  it('of all closes what was made before, and not a session of later', () => {
    const world = new World()
    world.open('u', 'old', 999_000)
    world.open('u', 'new', 1_000_001)
    world.revocations.receive(message('u', [], 1_000_000))
    expect(world.closed).toEqual(['u old 4500'])
  })

  it('is done once, whether it comes over NATS, from the store, or both', async () => {
    const world = new World()
    world.open('u', 'h', 10)
    world.revocations.receive(message('u', ['h'], 1_000_000))
    world.stored = [{ userId: 'u', hash: 'h', atMs: 1_000_000 }]
    await world.revocations.look()
    world.revocations.receive(message('u', ['h'], 1_000_000))
    expect([world.closed.length, world.told]).toEqual([1, ['u']])
  })

  it('during the opening of a socket is remembered for a minute', async () => {
    const world = new World()
    world.revocations.receive(message('u', ['h'], 1_000_000))
    expect(world.revocations.isRevoked(identity('u', 'h', 10))).toBe(true)
    expect(world.revocations.isRevoked(identity('u', 'other', 10))).toBe(false)
    await world.clock.advance(61_000)
    await world.revocations.lookIfDue()
    expect(world.revocations.isRevoked(identity('u', 'h', 10))).toBe(false)
  })

  it('that NATS did not bring is read from the store, from before the last look on, soon while NATS is away', async () => {
    const world = new World()
    world.open('u', 'h', 10)
    world.stored = [{ userId: 'u', hash: 'h', atMs: 1_000_100 }]
    await world.clock.advance(LOOK_EVERY_AWAY_MS)
    await world.revocations.lookIfDue()
    expect(world.lookedSinceMs).toEqual([])
    world.isNatsConnected = false
    await world.revocations.lookIfDue()
    expect(world.lookedSinceMs).toEqual([1_000_000 - 10_000])
    expect(world.closed).toEqual(['u h 4500'])
  })
})
