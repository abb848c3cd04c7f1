import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addReport,
  answeredMsOf,
  beginCall,
  type Call,
  type CallReport,
  closeCall,
  durationSOf,
  endedMsOf,
  isOver,
  resultOf,
} from './call.ts'
import { newRecord, recordCall, recordSilence, recordStart, recordTold } from './call-record.ts'

const START_MS = 1_700_000_000_000

function newCall(origin: Call['origin'] = 'app'): Call {
  const ids = { id: 'c_1', sessionId: 'm_1', tripId: 't', driverId: 'd', passengerId: 'p' }
  return beginCall({ ...ids, origin, caller: 'driver' }, 'twilio', START_MS)
}

function report(leg: CallReport['leg'], status: CallReport['status'], afterS: number): CallReport {
  return { leg, status, atMs: START_MS + afterS * 1000 }
}

const reports: fc.Arbitrary<CallReport> = fc.record({
  leg: fc.constantFrom('caller' as const, 'callee' as const),
  status: fc.constantFrom(
    'noted',
    'ringing',
    'answered',
    'completed',
    'busy',
    'no_answer',
    'failed',
    'cancelled',
  ),
  atMs: fc.integer({ min: START_MS, max: START_MS + 600_000 }),
  talkS: fc.integer({ min: 0, max: 600 }),
  recordingRef: fc.constantFrom('', 'twilio:RE1', 'twilio:RE2'),
})

describe('a call', () => {
  test.each<[string, CallReport[], ReturnType<typeof resultOf>, number]>([
    [
      'two speak',
      [report('caller', 'answered', 3), report('callee', 'answered', 8), report('callee', 'completed', 68)],
      'completed',
      60,
    ],
    [
      'the other does not answer',
      [report('caller', 'answered', 3), report('callee', 'no_answer', 33)],
      'no_answer',
      0,
    ],
    ['the other is busy', [report('caller', 'answered', 3), report('callee', 'busy', 4)], 'busy', 0],
    [
      'the caller gives up',
      [report('caller', 'answered', 3), report('caller', 'completed', 9)],
      'cancelled',
      0,
    ],
    ['the caller’s own phone is not answered', [report('caller', 'no_answer', 30)], 'caller_no_answer', 0],
    ['it still rings', [report('caller', 'answered', 3), report('callee', 'ringing', 4)], undefined, 0],
  ])('%s', (_name, given, result, durationS) => {
    const call = given.reduce(addReport, newCall())
    expect(resultOf(call)).toBe(result)
    expect(durationSOf(call)).toBe(durationS)
  })

  test('is the same whatever order its reports come in, and however often', () => {
    fc.assert(
      fc.property(
        fc
          .array(reports, { maxLength: 12 })
          .chain((given) =>
            fc.tuple(
              fc.constant(given),
              fc.shuffledSubarray(given, { minLength: given.length, maxLength: given.length }),
              fc.subarray(given),
            ),
          ),
        fc.constantFrom('app' as const, 'phone' as const),
        ([given, shuffled, repeated], origin) => {
          const one = given.reduce(addReport, newCall(origin))
          const other = [...shuffled, ...repeated].reduce(addReport, newCall(origin))
          expect(other).toEqual(one)
        },
      ),
    )
  })

  test('once it is over it stays so, and its times are sound', () => {
    fc.assert(
      fc.property(fc.array(reports, { maxLength: 12 }), (given) => {
        let call = newCall()
        for (const one of given) {
          const wasOver = isOver(call)
          call = addReport(call, one)
          if (wasOver) expect(isOver(call)).toBe(true)
        }
        expect(endedMsOf(call) === undefined).toBe(!isOver(call))
        expect(durationSOf(call)).toBeGreaterThanOrEqual(0)
        if (isOver(call) && resultOf(call) !== 'completed') expect(answeredMsOf(call)).toBeUndefined()
      }),
    )
  })

  test('is lost only while nothing says how it ended, and what is said later counts more', () => {
    const lost = closeCall(newCall(), 'lost', START_MS + 5_000)
    expect(resultOf(lost)).toBe('lost')
    expect(resultOf(addReport(lost, report('callee', 'busy', 9)))).toBe('busy')
    const over = addReport(newCall(), report('callee', 'busy', 9))
    expect(closeCall(over, 'lost', START_MS)).toBe(over)
  })
})

describe('what is owed because of a call', () => {
  const limits = { nowMs: START_MS + 1_000, callMaxMs: 3_600_000 }

  test('the beginning is told before the end, each once, in whatever order they become known', () => {
    const ended = addReport(newCall(), report('callee', 'completed', 60))
    const fast = recordCall(newRecord(newCall(), START_MS + 150_000), ended, limits)
    expect(fast.untold).toEqual(['started', 'ended'])
    const late = recordStart(fast, limits.nowMs)
    expect(late.untold).toEqual(['started', 'ended'])
    const told = recordTold(recordTold(late, 'started', limits.nowMs), 'ended', limits.nowMs)
    expect(told).toMatchObject({ untold: [], dueMs: undefined })
    expect(recordStart(told, limits.nowMs).untold).toEqual([])
  })

  test('a call that nobody took is told to nobody', () => {
    const closed = closeCall(newCall(), 'not_placed', limits.nowMs)
    expect(recordCall(newRecord(newCall(), 0), closed, limits)).toMatchObject({
      untold: [],
      dueMs: undefined,
    })
  })

  test('silence ends a call when its time is over, and an answer gives it more', () => {
    const ringing = newRecord(newCall(), START_MS + 150_000)
    expect(isOver(recordSilence(ringing, limits).call)).toBe(false)
    const late = { ...limits, nowMs: START_MS + 150_000 }
    expect(resultOf(recordSilence(ringing, late).call)).toBe('lost')
    const talking = recordCall(ringing, addReport(newCall(), report('callee', 'answered', 9)), limits)
    expect(isOver(recordSilence(talking, late).call)).toBe(false)
    expect(resultOf(recordSilence(talking, { ...limits, nowMs: talking.lostMs }).call)).toBe('lost')
  })
})
