import fc from 'fast-check'
import { expect, test } from 'vitest'
import { percentile, TrafficMeter } from './traffic-meter.ts'

test('a percentile is the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
  expect([0, 0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([1, 50, 99, 100])
  expect(percentile([], 0.5)).toBeUndefined()
})

test('any percentile is one of the values, and no smaller share gives a larger one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const sorted = values.toSorted((a, b) => a - b)
      const p50 = percentile(sorted, 0.5) ?? Number.NaN
      const p99 = percentile(sorted, 0.99) ?? Number.NaN
      expect(sorted).toContain(p50)
      expect(p50).toBeLessThanOrEqual(p99)
    }),
  )
})

test('traffic is that of the last ten seconds', () => {
  const meter = new TrafficMeter()
  for (let second = 0; second < 20; second += 1) {
    for (let each = 0; each < 5; each += 1) meter.count(second < 10 ? 5_000 : 40, second * 1_000)
  }
  expect(meter.read(19_000)).toEqual({ updatesPerSecond: 5, delayP50Ms: 40, delayP99Ms: 40 })
  expect(meter.read(60_000)).toEqual({ updatesPerSecond: 0, delayP50Ms: undefined, delayP99Ms: undefined })
})

test('in its first seconds it counts the time that there was', () => {
  const meter = new TrafficMeter()
  for (let each = 0; each < 20; each += 1) meter.count(40, each * 100)
  expect(meter.read(2_000).updatesPerSecond).toBe(10)
})

test('the traffic of a large fleet is counted whole', () => {
  const meter = new TrafficMeter()
  for (let second = 0; second < 20; second += 1) {
    for (let each = 0; each < 10_000; each += 1) meter.count(40, second * 1_000 + each / 10)
  }
  expect(meter.read(19_999)).toMatchObject({ updatesPerSecond: 10_000, delayP99Ms: 40 })
})
