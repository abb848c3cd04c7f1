import fc from 'fast-check'
import { expect, it } from 'vitest'
import { judgeBackfill } from './backfill.ts'
import { emptyTrack, type Fix, judgeFix, type SpeedRule, Verdict } from './fix.ts'

const NOW = 1_700_000_000_000
const RULE: SpeedRule = { speedMaxMps: 70, reanchorAfter: 10 }

function fix(timestampMs: number, lat = 17): Fix {
  return { userId: 'd', lat, lng: 78, accuracy: 0, speed: 0, heading: 0, timestampMs }
}

const times = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 50 })

it('becomes a trail of each time once, oldest first, whatever order it comes in', () => {
  fc.assert(
    fc.property(times, (given) => {
      const { trail, suspects, isNewest } = judgeBackfill(
        emptyTrack(),
        given.map((ms) => fix(NOW + ms)),
        RULE,
      )
      const expected = [...new Set(given)].sort((a, b) => a - b).map((ms) => NOW + ms)
      expect(trail.map(({ timestampMs }) => timestampMs)).toEqual(expected)
      expect(suspects).toEqual([])
      expect(isNewest).toBe(true)
    }),
  )
})

it('is not the newest where a live fix has overtaken it', () => {
  const track = emptyTrack()
  judgeFix(track, fix(NOW + 1000), RULE)
  expect(judgeBackfill(track, [fix(NOW), fix(NOW + 500)], RULE).isNewest).toBe(false)
})

it('judged twice gives the same trail, and a suspect stays one', () => {
  const track = emptyTrack()
  judgeFix(track, fix(NOW), RULE)
  const fixes = [fix(NOW + 1000), fix(NOW + 2000, 18), fix(NOW + 3000)]
  const first = judgeBackfill(track, fixes, RULE)
  expect(first.suspects).toEqual([fixes[1]])
  expect(judgeBackfill(track, fixes, RULE)).toEqual(first)
})

it('keeps a suspect one where the live report came first', () => {
  const track = emptyTrack()
  judgeFix(track, fix(NOW), RULE)
  expect(judgeFix(track, fix(NOW + 1000, 18), RULE)).toBe(Verdict.SUSPECT)
  expect(judgeBackfill(track, [fix(NOW + 1000, 18)], RULE)).toMatchObject({ trail: [], isNewest: false })
})
