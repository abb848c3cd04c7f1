import type { AlertCalls } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import type { NotificationOutcome } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { expect, test } from 'vitest'
import type { AlertId, Trigger } from './alert.ts'
import type { Raised } from './stream-worker.ts'
import { VoiceCalls } from './voice-calls.ts'

const MINUTE_MS = 60_000
const TRIGGERS = ['a1', 'a2'].map(
  (alertId): Trigger => ({
    alertId: alertId as AlertId,
    userId: 'ravi',
    role: 'passenger',
    tripId: '',
    bookingId: '',
    location: undefined,
    receivedMs: 0,
  }),
)
const DONE = TRIGGERS.map(({ alertId }): AlertCalls => ({ alertId, isDone: true, calls: [] }))

function start(announce: () => Promise<readonly AlertCalls[]>, missing: readonly string[] = []) {
  const taken: NotificationOutcome[] = []
  const failed: string[] = []
  let asked = 0
  const calls = new VoiceCalls({
    announce: async () => {
      asked += 1
      return await announce()
    },
    outcomes: {
      async take(outcomes) {
        taken.push(...outcomes)
        return new Set(missing)
      },
    },
    onFailed: async ({ alertId }) => void failed.push(alertId),
  })
  return { calls, taken, failed, asked: () => asked }
}

function raised(ageMs: number): Raised {
  return { ageMs, read: () => TRIGGERS }
}

function isAway(): Promise<never> {
  return Promise.reject(new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'away'))
}

test('messages have a head start, then calls are asked for until all are done', async () => {
  const { calls, asked } = start(async () => DONE)
  expect(await calls.handle(raised(500))).toEqual({ kind: 'again', afterMs: 1_500 })
  expect(asked()).toBe(0)
  expect(await calls.handle(raised(2_000))).toEqual({ kind: 'done' })
})

test('what is open, or is not in the database yet, is asked for again', async () => {
  const open = start(async () => [{ alertId: 'a1', isDone: false, calls: [] }])
  expect((await open.calls.handle(raised(MINUTE_MS))).kind).toBe('again')
  const early = start(async () => DONE, ['a1'])
  expect((await early.calls.handle(raised(MINUTE_MS))).kind).toBe('again')
})

test('a call that was placed is on the alert, one that nobody takes is told to operations', async () => {
  const { calls, taken, failed } = start(async () => [
    {
      alertId: 'a1',
      isDone: true,
      calls: [
        { contact: 0, isPlaced: true, at: 5 },
        { contact: 1, isPlaced: false, at: 6 },
      ],
    },
    { alertId: 'a2', isDone: true, calls: [] },
  ])
  expect(await calls.handle(raised(MINUTE_MS))).toEqual({ kind: 'done' })
  expect(taken.map(({ correlationId, contact, channel }) => [correlationId, contact, channel])).toEqual([
    ['a1', 0, 'voice'],
    ['a1', 1, 'voice'],
  ])
  expect(failed).toEqual(['a1'])
})

test('while nobody can be asked it is tried on for a quarter of an hour, and then operations are told', async () => {
  const { calls, failed } = start(isAway)
  expect((await calls.handle(raised(14 * MINUTE_MS))).kind).toBe('again')
  expect(failed).toEqual([])
  expect((await calls.handle(raised(15 * MINUTE_MS))).kind).toBe('done')
  expect(failed).toEqual(['a1', 'a2'])
})

test('a fault is told as one for as long, and ends with the time as well', async () => {
  const { calls, failed } = start(() => Promise.reject(new Error('a bug')))
  await expect(calls.handle(raised(MINUTE_MS))).rejects.toThrow('a bug')
  expect((await calls.handle(raised(15 * MINUTE_MS))).kind).toBe('done')
  expect(failed).toEqual(['a1', 'a2'])
})
