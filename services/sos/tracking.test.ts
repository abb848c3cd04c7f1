/** A question that an alert asks cannot be told from one that any trip gets. */
import { PushEvent } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { FakeClock } from '@hushryd/kernel/testing/fake-clock.ts'
import { expect, test } from 'vitest'
import { type AlertId, raise } from './alert.ts'
import { Tracking } from './tracking.ts'

const TIMES = { firstAfterMs: 30_000, repeatMs: 60_000, quietMs: 300_000 }

function alertOn(tripId: string) {
  return raise(
    {
      alertId: `alert on ${tripId}` as AlertId,
      userId: 'ravi',
      role: 'passenger',
      tripId,
      bookingId: '',
      location: undefined,
      receivedMs: 0,
    },
    TIMES,
  )
}

/** NATS core, as far as tracking uses it. */
class FakeNats {
  readonly published: { readonly subject: string; readonly data: Uint8Array }[] = []
  #onMessage: ((message: { readonly data: Uint8Array }) => void) | undefined

  publish(subject: string, data: Uint8Array): boolean {
    this.published.push({ subject, data })
    return true
  }

  subscribe(_subject: string, onMessage: (message: { readonly data: Uint8Array }) => void) {
    this.#onMessage = onMessage
    return { close: () => undefined }
  }

  tell(event: Partial<PushEvent>): void {
    this.#onMessage?.({ data: PushEvent.encode(PushEvent.fromPartial(event)).finish() })
  }

  questionsTo(tripId: string): string[] {
    return this.published
      .filter(({ data }) => PushEvent.decode(data).tripId === tripId)
      .map(({ data }) => JSON.stringify(PushEvent.decode(data)).replaceAll(tripId, 'TRIP'))
  }
}

function start({ random = () => 0.5, people = async (tripId: string) => [`driver of ${tripId}`] } = {}) {
  const nats = new FakeNats()
  const clock = new FakeClock()
  const failed: string[] = []
  const tracking = new Tracking({
    nats: nats as unknown as NatsLink,
    clock,
    random,
    findPeople: people,
    onFailed: (tripId) => void failed.push(tripId),
  })
  tracking.follow()
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      await clock.advance(1_000)
      await tracking.tick()
    }
  }
  return { nats, tracking, failed, pass }
}

test('a trip with an alert and a trip without one get the same question, to the byte', async () => {
  const { nats, tracking, pass } = start()
  nats.tell({ type: 'trip.started', tripId: 't1' })
  tracking.want([alertOn('t2')])
  await pass(60_000)
  const [ordinary] = nats.questionsTo('t1')
  expect(ordinary).toBeDefined()
  expect(nats.questionsTo('t2')).toEqual([ordinary])
  expect(ordinary).not.toMatch(/sos|alert/i)
})

test('every trip is asked soon after its start and again later, until it ends', async () => {
  const { nats, pass } = start()
  nats.tell({ type: 'trip.started', tripId: 't1' })
  await pass(60_000)
  expect(nats.questionsTo('t1')).toHaveLength(1)
  await pass(3_600_000)
  const asked = nats.questionsTo('t1').length
  expect(asked).toBeGreaterThan(2)
  nats.tell({ type: 'trip.completed', tripId: 't1', tripEnded: true })
  await pass(3_600_000)
  expect(nats.questionsTo('t1')).toHaveLength(asked)
})

test('a flood of alerts asks some trips a second, each once, and in the end all', async () => {
  const { nats, tracking, pass } = start()
  const alerts = Array.from({ length: 250 }, (_, index) => alertOn(`t${index}`))
  tracking.want(alerts)
  tracking.want(alerts)
  await pass(1_000)
  expect(nats.published).toHaveLength(100)
  await pass(10_000)
  expect(nats.published).toHaveLength(250)
})

test('a directory that is away costs the question and nothing else', async () => {
  const { nats, tracking, failed, pass } = start({
    people: async () => {
      throw new Error('away')
    },
  })
  tracking.want([alertOn('t1'), alertOn('')])
  await pass(2_000)
  expect(nats.published).toEqual([])
  expect(failed).toEqual(['t1'])
})
