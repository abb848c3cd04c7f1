import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HELD_BYTES_MAX, Outbox } from './outbox.ts'

function drained(outbox: Outbox): string[] {
  const written: string[] = []
  expect(
    outbox.drain((frame) => {
      written.push(String(frame))
      return true
    }),
  ).toBe(true)
  return written
}

const addition = fc.oneof(
  fc.record({ kind: fc.constant('urgent' as const) }),
  fc.record({ kind: fc.constant('ordered' as const) }),
  fc.record({ kind: fc.constant('position' as const), trip: fc.nat(2), user: fc.nat(1) }),
  fc.record({ kind: fc.constant('drain' as const), room: fc.nat(4) }),
)

describe('an outbox', () => {
  /**
   * For any frames that come and any room that the socket has in between:
   * alerts and answers all arrive, each class in its order; of a person on a
   * trip positions arrive in order and the newest always does; the bytes
   * counted are the bytes held.
   */
  it('loses no alert and no answer, keeps their order, and of positions the newest', () => {
    fc.assert(
      fc.property(fc.array(addition, { maxLength: 80, size: 'max' }), (additions) => {
        const outbox = new Outbox(0)
        const written: string[] = []
        const added = { urgent: [] as string[], ordered: [] as string[] }
        const newest = new Map<string, string>()
        const ever: string[] = []
        additions.forEach((each, index) => {
          if (each.kind === 'drain') {
            let { room } = each
            outbox.drain((frame) => {
              written.push(String(frame))
              room -= 1
              return room > 0
            })
          } else if (each.kind === 'position') {
            const text = `p ${each.trip} ${each.user} ${index}`
            newest.set(`${each.trip} ${each.user}`, text)
            ever.push(text)
            outbox.keepNewest(`trip-${each.trip}`, `user-${each.user}`, Buffer.from(text))
          } else {
            added[each.kind].push(`${each.kind} ${index}`)
            outbox.add(Buffer.from(`${each.kind} ${index}`), each.kind)
          }
        })
        written.push(...drained(outbox))
        expect(outbox.bytes).toBe(0)
        for (const kind of ['urgent', 'ordered'] as const) {
          expect(written.filter((text) => text.startsWith(kind))).toEqual(added[kind])
        }
        for (const [person, text] of newest) {
          const seen = written.filter((each) => each.startsWith(`p ${person} `))
          expect(seen.at(-1)).toBe(text)
          expect(seen).toEqual(ever.filter((each) => seen.includes(each)))
        }
      }),
    )
  })

  it('sends an alert before answers, and answers before positions', () => {
    const outbox = new Outbox(0)
    outbox.keepNewest('t', 'u', Buffer.from('old position'))
    outbox.add(Buffer.from('answer'), 'ordered')
    outbox.add(Buffer.from('alert'), 'urgent')
    outbox.keepNewest('t', 'u', Buffer.from('position'))
    expect(drained(outbox)).toEqual(['alert', 'answer', 'position'])
  })

  it('forgets the positions of one trip, and no other', () => {
    const outbox = new Outbox(0)
    outbox.keepNewest('t', 'u', Buffer.from('one'))
    outbox.keepNewest('t2', 'u', Buffer.from('two'))
    outbox.forgetTrip('t')
    expect(outbox.bytes).toBe(3)
    expect(drained(outbox)).toEqual(['two'])
  })

  it('is full past its bound', () => {
    const outbox = new Outbox(0)
    outbox.add(Buffer.alloc(HELD_BYTES_MAX), 'ordered')
    expect(outbox.isFull).toBe(false)
    outbox.add(Buffer.alloc(1), 'ordered')
    expect(outbox.isFull).toBe(true)
  })
})
