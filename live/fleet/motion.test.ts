import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toPoint } from './geo.ts'
import { nextMotion, poseAt, standingAt } from './motion.ts'

const FROM = { lat: 17.4, lng: 78.5, heading: 350 }
const TO = { lat: 17.4001, lng: 78.5001, heading: 10 }

test('a vehicle glides from fix to fix in the time between them', () => {
  const motion = nextMotion(standingAt(FROM, 0), TO, 1_000, 1_000)
  expect(poseAt(motion, 1_000)).toMatchObject(toPoint(FROM))
  const half = poseAt(motion, 1_500)
  expect(half.x).toBeCloseTo((toPoint(FROM).x + toPoint(TO).x) / 2, 12)
  expect(poseAt(motion, 2_000)).toEqual({ ...toPoint(TO), heading: 10 })
  expect(poseAt(motion, 9_000)).toEqual({ ...toPoint(TO), heading: 10 })
})

test('a turn goes the short way and is done before the glide', () => {
  const motion = nextMotion(standingAt(FROM, 0), TO, 0, 1_000)
  expect(poseAt(motion, 200).heading).toBeCloseTo(0)
  expect(poseAt(motion, 400).heading).toBeCloseTo(10)
})

test('a vehicle without a heading keeps the one it had', () => {
  const motion = nextMotion(standingAt(FROM, 0), { ...TO, heading: undefined }, 0, 1_000)
  expect(poseAt(motion, 1_000).heading).toBe(350)
})

test('a fix that comes early starts from where the vehicle is drawn, without a leap', () => {
  const steps = fc.array(
    fc.record({ afterMs: fc.integer({ min: 0, max: 3_000 }), lat: fc.integer({ min: 0, max: 9 }) }),
  )
  fc.assert(
    fc.property(steps, (list) => {
      let nowMs = 0
      let motion = standingAt(FROM, 0)
      for (const { afterMs, lat } of list) {
        nowMs += afterMs
        const before = poseAt(motion, nowMs)
        motion = nextMotion(motion, { ...FROM, lat: FROM.lat + lat / 100_000 }, nowMs, Math.max(1, afterMs))
        expect(poseAt(motion, nowMs).y).toBeCloseTo(before.y, 12)
      }
    }),
  )
})

test('a jump of the receiver is not drawn as a drive', () => {
  const far = { lat: 18, lng: 78.5, heading: 0 }
  const motion = nextMotion(standingAt(FROM, 0), far, 1_000, 1_000)
  expect(poseAt(motion, 1_000)).toEqual({ ...toPoint(far), heading: 0 })
})

test('after a long silence the vehicle catches up in seconds', () => {
  const motion = nextMotion(standingAt(FROM, 0), { ...FROM, lat: 17.41 }, 0, 120_000)
  expect(poseAt(motion, 3_000).y).toBe(toPoint({ ...FROM, lat: 17.41 }).y)
})
