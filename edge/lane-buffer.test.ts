import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LaneBatch, LaneBuffer } from './lane-buffer.ts'
import type { NewReport } from './report-block.ts'

function report(number: number, driver = 'd'): NewReport {
  const location = {
    tripId: `trip-of-${driver}`,
    lat: 0,
    lng: 0,
    accuracy: 0,
    speed: 0,
    heading: 0,
    timestampMs: number,
  }
  return { location, userId: driver, connection: 1, receivedMs: 0, frameId: '' }
}

function numbers(batch: LaneBatch | undefined): number[] {
  const reports = [...(batch?.reports.reports() ?? [])]
  return reports.map(({ position }) => position?.timestampMs ?? -1)
}

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('add' as const), driver: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ack' as const), back: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)

describe('a lane’s buffer', () => {
  /**
   * For any interleaving of positions, batches, acknowledgements and lost
   * streams: every position that was added is in an acknowledged batch at
   * last, and within one stream each driver's positions go up in order.
   */
  it('brings every position up, whatever is lost in between', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200, size: 'max' }), (actions) => {
        const buffer = new LaneBuffer()
        const added: number[] = []
        const safe = new Set<number>()
        let sent: { seq: number; reports: number[] }[] = []
        let lastSeq = 0
        const take = (): boolean => {
          const batch = buffer.takeBatch()
          if (batch === undefined) return false
          lastSeq = batch.seq
          sent.push({ seq: batch.seq, reports: numbers(batch) })
          return true
        }
        const acknowledge = (seq: number): void => {
          for (const batch of sent) if (batch.seq <= seq) for (const number of batch.reports) safe.add(number)
          buffer.acknowledge(seq)
        }
        actions.forEach((each, index) => {
          if (each.kind === 'add') {
            added.push(index)
            buffer.add(report(index, `d${each.driver}`))
          } else if (each.kind === 'take') {
            take()
          } else if (each.kind === 'ack') {
            acknowledge(lastSeq - each.back)
          } else {
            const order = sent.flatMap(({ reports }) => reports)
            expect(order).toEqual([...order].sort((a, b) => a - b))
            sent = []
            buffer.restart()
          }
        })
        while (take());
        acknowledge(lastSeq)
        expect([...safe].sort((a, b) => a - b)).toEqual(added)
        expect([buffer.held, buffer.isWaiting, buffer.hasBatch]).toEqual([0, false, false])
      }),
    )
  })

  it('sends what was not acknowledged again as backfill, before what is new', () => {
    const buffer = new LaneBuffer()
    buffer.add(report(1))
    const first = buffer.takeBatch()
    expect([numbers(first), first?.reports.isBackfill]).toEqual([[1], false])
    buffer.add(report(2))
    buffer.restart()
    buffer.add(report(3))
    const [again, waiting, fresh] = [buffer.takeBatch(), buffer.takeBatch(), buffer.takeBatch()]
    expect([again, waiting, fresh].map(numbers)).toEqual([[1], [2], [3]])
    expect([again, waiting, fresh].map((batch) => batch?.reports.isBackfill)).toEqual([true, true, false])
  })

  it('holds no more than its bound, thins the older half of each driver, and keeps everyone’s newest', () => {
    const buffer = new LaneBuffer(100)
    for (let number = 0; number < 1_000; number += 1) buffer.add(report(number, `d${number % 5}`))
    expect(buffer.held).toBeLessThanOrEqual(100)
    expect(buffer.held + buffer.thinned).toBe(1_000)
    buffer.restart()
    const left: number[] = []
    for (let batch = buffer.takeBatch(); batch !== undefined; batch = buffer.takeBatch()) {
      left.push(...numbers(batch))
    }
    expect(left).toEqual(expect.arrayContaining([995, 996, 997, 998, 999]))
  })

  it('holds no more than its bound with as many drivers as positions', () => {
    const buffer = new LaneBuffer(100)
    for (let number = 0; number < 1_000; number += 1) buffer.add(report(number, `d${number}`))
    expect(buffer.held).toBeLessThanOrEqual(100)
  })
})
