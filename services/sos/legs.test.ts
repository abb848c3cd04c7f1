import { PublishedBatch } from '@hushryd/kernel/stores/published-batch.ts'
import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import { expect, test } from 'vitest'
import { type AlertId, raise } from './alert.ts'
import { Entry } from './entry.ts'
import { createLegs, type LegsOptions } from './legs.ts'

const TIMES = { firstAfterMs: 30_000, repeatMs: 60_000, quietMs: 300_000 }

function entryOf(alertId: string): Entry {
  const trigger = { role: 'passenger', tripId: 't', bookingId: '', location: undefined, receivedMs: 1 }
  return new Entry(raise({ ...trigger, alertId: alertId as AlertId, userId: `of-${alertId}` }, TIMES), 0)
}

/** Only the log of the operations room is there. */
function legsWith(recordAll: LegsOptions['eventLog']['recordAll'], clock: FakeClock) {
  const unused = (): never => {
    throw new Error('not part of this leg')
  }
  return createLegs({
    publisher: { publish: unused },
    eventLog: { recordAll },
    store: { insert: unused },
    notifier: { queue: unused, call: unused },
    links: { share: unused },
    teller: { hint: unused, pushRaised: unused },
    clock,
    namespace: '',
  }).work
}

test('an event that the log refuses, and one that it says nothing of, fail the leg of their own alerts alone', async () => {
  const clock = new FakeClock()
  const recorded: (string | undefined)[] = []
  const work = legsWith((events) => {
    recorded.push(...events.map(({ eventId }) => eventId))
    const batch = new PublishedBatch(events.length)
    batch.settle(0, true)
    batch.settle(1, false)
    batch.settle(3, true)
    return batch
  }, clock)
  const entries = ['a', 'b', 'c', 'd'].map(entryOf)
  const attempt = work.admin.attempt(entries, 100)
  await clock.advance(200)
  await clock.advance(200)
  expect((await attempt).map(({ alert }) => alert.alertId)).toEqual(['b', 'c'])
  expect(recorded).toEqual(['a', 'b', 'c', 'd'].map((id) => `sos:${id}:of-${id}:triggered`))
})
