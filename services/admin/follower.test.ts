import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import { expect, test } from 'vitest'
import { Follower } from './follower.ts'
import type { Following, LogState } from './log-stream.ts'
import { TAIL_MAX } from './tail.ts'

const DATA = Event.encode(Event.fromPartial({ eventId: 'e', type: 'a.b' })).finish()

/** A stream that gives what the test says and then ends, as one does when anything is odd. */
function world(state: LogState) {
  const heard = { restarts: 0, unreadable: [] as number[], asked: [] as number[] }
  let nowMs = 0
  const now = { state, give: [] as number[], data: DATA as Uint8Array }
  const follower = new Follower({
    stream: {
      state: async () => now.state,
      async follow(after: number, { onRecord, onAlive }: Following) {
        heard.asked.push(after)
        for (const sequence of now.give) {
          onRecord({ sequence, recordedAtMs: 0, data: now.data })
          onAlive()
        }
      },
    },
    monotonicMs: () => nowMs,
    onAppended: () => undefined,
    onRestarted() {
      heard.restarts += 1
    },
    onUnreadable: (sequence) => void heard.unreadable.push(sequence),
  })
  const signal = new AbortController().signal
  function later(ms: number): void {
    nowMs += ms
  }
  return { follower, heard, now, run: () => follower.run(signal), later }
}

const LOG = { logId: 'a', first: 1, last: 3 }

test('the log is shown once it has been read to where it ended', async () => {
  const { follower, now, run } = world(LOG)
  now.give = [1, 2]
  await run()
  expect(follower.log).toBeUndefined()
  now.give = [3, 4]
  await run()
  expect(follower.log?.tail.last).toBe(4)
})

test('only the newest part of a long log is read', async () => {
  const { heard, run } = world({ logId: 'a', first: 1, last: TAIL_MAX + 500 })
  await run()
  expect(heard.asked).toEqual([500])
})

test('after an end it goes on behind the last event', async () => {
  const { heard, now, run } = world(LOG)
  now.give = [1, 2, 3]
  await run()
  now.give = []
  await run()
  expect(heard).toMatchObject({ asked: [0, 3], restarts: 0 })
})

test('another log, and one that is far ahead, begin anew', async () => {
  const { follower, heard, now, run } = world(LOG)
  now.give = [1, 2, 3]
  await run()
  now.give = []
  now.state = { logId: 'b', first: 1, last: 0 }
  await run()
  expect(heard.restarts).toBe(1)
  expect(follower.log).toMatchObject({ logId: 'b', tail: { last: 0 } })
  now.state = { logId: 'b', first: 1, last: 2 * TAIL_MAX }
  await run()
  expect(heard.restarts).toBe(2)
})

test('a log that has lost its end begins anew, but only once that is sure', async () => {
  const { heard, now, run, later } = world(LOG)
  now.give = [1, 2, 3]
  await run()
  now.state = { ...LOG, last: 2 }
  now.give = []
  await expect(run()).rejects.toThrow('ends at 2')
  now.state = LOG
  await run()
  expect(heard.restarts).toBe(0)
  now.state = { ...LOG, last: 2 }
  await expect(run()).rejects.toThrow('ends at 2')
  later(11_000)
  await run()
  expect(heard.restarts).toBe(1)
})

test('it is alive while JetStream gives signs of life', async () => {
  const { follower, now, run, later } = world(LOG)
  expect(follower.isAlive).toBe(false)
  now.give = [1, 2, 3]
  await run()
  expect(follower.isAlive).toBe(true)
  later(3_000)
  expect(follower.isAlive).toBe(false)
})

test('what is no event is passed over', async () => {
  const { follower, heard, now, run } = world({ ...LOG, last: 1 })
  now.give = [1]
  now.data = new Uint8Array([255])
  await run()
  expect(heard.unreadable).toEqual([1])
  expect(follower.log?.tail.last).toBe(1)
  expect(follower.log?.tail.after(0)).toEqual([])
})
