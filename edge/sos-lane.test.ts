/** Alerts are neither lost nor left waiting, whatever the lane does. */
import { AlertStatus } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import type { ConnectRequest, ConnectResponse, LaneResult } from '@hushryd/gen/hushryd/sos/v1/lane.ts'
import { TriggerSosRequest, TriggerSosResponse } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { FakeClock, settle } from '@hushryd/kernel/testing/fake-clock.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { expect, test } from 'vitest'
import { Outgoing } from './outgoing.ts'
import { SosLane } from './sos-lane.ts'

const CONTEXT = {
  caller: { kind: 'user', userId: 'ravi', role: 'passenger', deviceId: '' },
  requestId: 'r',
} as const
const PLENTY_MS = 5_000

/** The service's side: a stream at a time, which the test lets stand, answer and break. */
class FakeService {
  readonly triggers: string[] = []
  readonly #refs = new Map<string, number>()
  #out: Outgoing<ConnectResponse | 'break'> | undefined
  isAway = false

  readonly open = (requests: AsyncIterable<ConnectRequest>): AsyncIterable<ConnectResponse> => {
    if (this.isAway) throw new Error('nobody is there')
    const out = new Outgoing<ConnectResponse | 'break'>()
    this.#out = out
    out.push({ results: [] })
    void (async () => {
      for await (const { triggers } of requests) {
        for (const { ref, alertId } of triggers) {
          this.triggers.push(alertId)
          this.#refs.set(alertId, ref)
        }
      }
    })()
    return (async function* () {
      for await (const next of out) {
        if (next === 'break') throw new Error('the stream broke')
        yield next
      }
    })()
  }

  answer(alertId: string, error?: LaneResult['error']): void {
    const ref = this.#refs.get(alertId) ?? -1
    const result = { ref, error, alertId, status: AlertStatus.ACTIVE, legs: undefined, triggeredAt: 1 }
    this.#out?.push({ results: [result] })
  }

  break(): void {
    this.#out?.push('break')
  }
}

async function startLane() {
  const service = new FakeService()
  const clock = new FakeClock()
  const { log } = createMemoryLog()
  const ways: string[] = []
  const onAnswered = (way: string): void => void ways.push(way)
  const lane = new SosLane({ edgeId: 'edge-1', open: service.open, clock, log, onAnswered })
  const stopped = new AbortController()
  const running = lane.run(stopped.signal)
  await settle()
  const ordinary: string[] = []
  return {
    service,
    clock,
    lane,
    ordinary,
    ways,
    /** The alert's id as it was answered, with a mark where that came by a call. */
    raise: async (alertId: string, signal?: AbortSignal): Promise<string> => {
      const request = TriggerSosRequest.encode(TriggerSosRequest.fromPartial({ alertId })).finish()
      const context = { ...CONTEXT, ...(signal === undefined ? {} : { signal }) }
      const bytes = await lane.call(request, context, async () => {
        ordinary.push(alertId)
        return TriggerSosResponse.encode(
          TriggerSosResponse.fromPartial({ alertId: `${alertId} by call` }),
        ).finish()
      })
      return TriggerSosResponse.decode(bytes).alertId
    },
    async [Symbol.asyncDispose]() {
      stopped.abort()
      service.break()
      await running
    },
  }
}

test('triggers go up together and each gets its own answer, in any order', async () => {
  await using lane = await startLane()
  const answers = ['a', 'b', 'c'].map((alertId) => lane.raise(alertId))
  await settle()
  await settle()
  expect(lane.service.triggers).toEqual(['a', 'b', 'c'])
  for (const alertId of ['c', 'a', 'b']) lane.service.answer(alertId)
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c'])
  expect(lane.ordinary).toEqual([])
})

test('a refusal is the caller’s own', async () => {
  await using lane = await startLane()
  const answer = lane.raise('a')
  await settle()
  await settle()
  const reason = ErrorReason.ERROR_REASON_DUPLICATE_ID
  lane.service.answer('a', { reason, message: 'taken', retryAfterMs: 0 })
  await expect(answer).rejects.toMatchObject({ reason })
})

test('what has no answer when the stream breaks goes first on the next one', async () => {
  await using lane = await startLane()
  const answer = lane.raise('a')
  await settle()
  await settle()
  lane.service.break()
  await settle()
  await lane.clock.advance(200)
  await settle()
  expect(lane.service.triggers).toEqual(['a', 'a'])
  lane.service.answer('a')
  expect(await answer).toBe('a')
})

test('a lane that says nothing is not waited for', async () => {
  await using lane = await startLane()
  const answer = lane.raise('a')
  await settle()
  await lane.clock.advance(PLENTY_MS)
  expect(await answer).toBe('a by call')
  lane.service.answer('a')
  await settle()
  expect(lane.ordinary).toEqual(['a'])
  expect(lane.ways).toEqual(['call'])
})

test('without a lane each is a call, and the lane serves again once the service is back', async () => {
  await using lane = await startLane()
  lane.service.isAway = true
  lane.service.break()
  await settle()
  expect(lane.lane.isUp).toBe(false)
  expect(await lane.raise('a')).toBe('a by call')
  lane.service.isAway = false
  await lane.clock.advance(PLENTY_MS)
  const answer = lane.raise('b')
  await settle()
  await settle()
  lane.service.answer('b')
  expect(await answer).toBe('b')
})

test('while answers flow, a flood waits for its turn on the lane', async () => {
  await using lane = await startLane()
  const [first, last] = [lane.raise('a'), lane.raise('b')]
  await settle()
  await lane.clock.advance(600)
  lane.service.answer('a')
  expect(await first).toBe('a')
  await lane.clock.advance(600)
  lane.service.answer('b')
  expect(await last).toBe('b')
  expect(lane.ordinary).toEqual([])
})
