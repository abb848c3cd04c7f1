/** Whom a share link lets in. */
import { type GetTripResponse, TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import type { ShareLink } from '@hushryd/kernel/share-link.ts'
import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import { expect, test } from 'vitest'
import type { LinkStore } from './link-store.ts'
import type { SessionStore } from './session-store.ts'
import { newSecret } from './session-token.ts'
import { createSessions } from './sessions.ts'

class FakeLinks {
  readonly links = new Map<string, ShareLink>()

  async putShare(token: string, link: ShareLink): Promise<void> {
    this.links.set(token, link)
  }

  async findShare(token: string): Promise<ShareLink | undefined> {
    return this.links.get(token)
  }
}

const TRIP: GetTripResponse = {
  tripId: 't1',
  driverId: 'driver',
  passengerIds: ['ravi'],
  bookingId: '',
  status: TripStatus.ACTIVE,
  updatedAt: 0,
  version: 1,
}

function start(trip: GetTripResponse) {
  const links = new FakeLinks()
  const clock = new FakeClock()
  const sessions = createSessions({
    store: {} as SessionStore,
    links: links as unknown as LinkStore,
    getTrip: async () => trip,
    announceRevoked: () => undefined,
    publicUrl: 'https://hushryd.example',
    isFleetViewOpen: false,
    clock,
  })
  const put = async (sharedBy?: string): Promise<string> => {
    const token = newSecret()
    const link = { tripId: 't1', expiresAt: clock.nowMs() + 1_000 }
    await links.putShare(token, sharedBy === undefined ? link : { ...link, sharedBy })
    return token
  }
  return { links, sessions, put }
}

test('a link opens while the one who shared it takes part in the trip, as driver or passenger', async () => {
  const { sessions, put } = start(TRIP)
  for (const sharedBy of ['ravi', 'driver', undefined]) {
    expect(await sessions.openShare(await put(sharedBy))).toMatchObject({ tripId: 't1' })
  }
})

test('a link for a trip that was never the sharer’s opens nothing, whatever trip an alert named', async () => {
  const { sessions, put } = start(TRIP)
  await expect(sessions.openShare(await put('kiran'))).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_SESSION_ENDED,
  })
})

test('a link that a participant makes names him, one of an admin nobody', async () => {
  const { links, sessions } = start(TRIP)
  await sessions.createShareLink({ kind: 'user', userId: 'ravi', role: 'passenger', deviceId: '' }, 't1')
  await sessions.createShareLink({ kind: 'user', userId: 'meera', role: 'admin', deviceId: '' }, 't1')
  await sessions.createShareLink({ kind: 'backend' }, 't1')
  expect([...links.links.values()].map(({ sharedBy }) => sharedBy)).toEqual(['ravi', undefined, undefined])
  const stranger = { kind: 'user', userId: 'kiran', role: 'passenger', deviceId: '' } as const
  await expect(sessions.createShareLink(stranger, 't1')).rejects.toMatchObject({
    reason: ErrorReason.ERROR_REASON_NOT_A_PARTICIPANT,
  })
})
