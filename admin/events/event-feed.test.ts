import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loggedOf, messageOf } from '../testing/event.ts'
import { acceptMessage, beginWatch, EMPTY_FEED, type EventFeed, fillGap, type GapItem } from './event-feed.ts'

function sequencesOf({ items }: EventFeed): number[] {
  return items.flatMap((item) => (item.kind === 'event' ? [item.logged.sequence] : []))
}

function gapsOf({ items }: EventFeed): GapItem[] {
  return items.filter((item) => item.kind === 'gap')
}

const events = (...sequences: number[]) => ({ events: sequences.map(loggedOf) })

describe('the feed of events', () => {
  it('takes events in their order and knows where to go on', () => {
    let feed = acceptMessage(EMPTY_FEED, messageOf(0, 2, { ...events(1, 2), logId: 'a' }))
    feed = acceptMessage(feed, messageOf(2, 2, { caughtUp: true }))
    feed = acceptMessage(feed, messageOf(2, 3, events(3)))
    expect(sequencesOf(feed)).toEqual([1, 2, 3])
    expect(feed).toMatchObject({ sequence: 3, isCaughtUp: true, missing: 0, logId: 'a' })
  })

  it('tells what a filter left out from what was lost', () => {
    let feed = acceptMessage(EMPTY_FEED, messageOf(0, 10, events(10)))
    // 11 to 40 did not pass the filter.
    feed = acceptMessage(feed, messageOf(10, 40))
    expect(gapsOf(feed)).toEqual([])
    // 41 to 44 never came.
    feed = acceptMessage(feed, messageOf(44, 45, events(45)))
    expect(gapsOf(feed)).toEqual([{ kind: 'gap', firstSequence: 41, lastSequence: 44, isOtherLog: false }])
    expect(feed.missing).toBe(4)
  })

  it('shows where the log itself no longer has what was asked for', () => {
    const before = acceptMessage(EMPTY_FEED, messageOf(0, 5, events(5)))
    const gap = { firstSequence: 6, lastSequence: 99, logReplaced: false }
    const feed = acceptMessage(beginWatch(before), messageOf(99, 100, { ...events(100), gap }))
    expect(feed).toMatchObject({ missing: 94, resumes: 1, isCaughtUp: false })
  })

  it('begins anew where the log is another one', () => {
    const before = acceptMessage(EMPTY_FEED, messageOf(0, 500, { ...events(500), logId: 'a' }))
    const feed = acceptMessage(before, messageOf(0, 3, { ...events(1, 2, 3), logId: 'b' }))
    expect(sequencesOf(feed)).toEqual([500, 1, 2, 3])
    expect(gapsOf(feed)[0]?.isOtherLog).toBe(true)
    expect(feed).toMatchObject({ sequence: 3, logId: 'b', missing: 0 })
  })

  it('puts what the archive still has in the place of a gap', () => {
    let feed = acceptMessage(EMPTY_FEED, messageOf(0, 1, events(1)))
    feed = acceptMessage(feed, messageOf(3, 4, events(4)))
    const [gap] = gapsOf(feed)
    expect(gap).toBeDefined()
    if (gap !== undefined) feed = fillGap(feed, gap, [loggedOf(3), loggedOf(2), loggedOf(9)])
    expect(sequencesOf(feed)).toEqual([1, 2, 3, 4])
    expect(feed.missing).toBe(0)
  })

  it('never repeats an event nor hides a loss, however a watch is cut and whatever goes missing', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('message' as const), count: fc.integer({ min: 0, max: 4 }) }),
        fc.record({ kind: fc.constant('lost' as const), count: fc.integer({ min: 1, max: 4 }) }),
        fc.record({ kind: fc.constant('again' as const), count: fc.integer({ min: 0, max: 4 }) }),
      ),
    )
    fc.assert(
      fc.property(steps, (played) => {
        let feed = acceptMessage(EMPTY_FEED, messageOf(0, 1, events(1)))
        let head = 1
        let lost = 0
        const numbers = (from: number, count: number) =>
          Array.from({ length: count }, (_, index) => from + index)
        for (const { kind, count } of played) {
          if (kind === 'lost') {
            head += count
            lost += count
          } else if (kind === 'again') {
            // A resumed watch that begins earlier than it would have to.
            const from = Math.max(0, feed.sequence - count)
            const again = numbers(from + 1, feed.sequence - from)
            feed = acceptMessage(beginWatch(feed), messageOf(from, feed.sequence, events(...again)))
          } else {
            feed = acceptMessage(feed, messageOf(head, head + count, events(...numbers(head + 1, count))))
            head += count
          }
        }
        feed = acceptMessage(feed, messageOf(head, head))
        const seen = sequencesOf(feed)
        expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
        expect(feed.missing).toBe(lost)
        expect(seen.length + lost).toBe(head)
      }),
    )
  })
})
