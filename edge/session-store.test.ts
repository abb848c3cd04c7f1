import { storeAway } from '@hushryd/kernel/stores/store-error.ts'
import type { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { SESSION_MS, SessionStore, type StoredSession } from './session-store.ts'

const session: StoredSession = {
  role: 'passenger',
  deviceId: 'phone',
  createdAt: 0,
  lastActiveAt: 0,
  expiresAt: SESSION_MS,
}

/** As while a replica is made the new server: what is there can be read, and nothing written. */
class ReadOnlyRedis {
  async run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = {
      hget: async () => JSON.stringify(session),
      async eval() {
        throw storeAway('redis', new Error('READONLY'))
      },
    }
    return await work(redis as unknown as Redis)
  }
}

it('a person is let in while nothing can be written, such as when they were last seen', async () => {
  const found = await new SessionStore(new ReadOnlyRedis()).find('asha', 'hash', SESSION_MS / 2)
  expect(found).toEqual({ ...session, lastActiveAt: SESSION_MS / 2 })
  expect(await new SessionStore(new ReadOnlyRedis()).find('asha', 'hash', SESSION_MS)).toBeUndefined()
})
