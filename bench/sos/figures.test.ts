import { expect, test } from 'vitest'
import { alertsWithin, fleetFor, percentileOf } from './figures.ts'

const BURSTS = [
  { alerts: 1_000, maxMs: 100 },
  { alerts: 8_000, maxMs: 450 },
  { alerts: 30_000, maxMs: 1_550 },
]

test('a percentile is one of the values, and of none it is 0', () => {
  expect(percentileOf([3, 1, 2], 0.5)).toBe(2)
  expect(percentileOf([3, 1, 2], 1)).toBe(3)
  expect(percentileOf([], 0.99)).toBe(0)
})

test('what is done within a time lies on the line between two bursts, or goes on behind the last', () => {
  expect(alertsWithin(BURSTS, 500)).toBe(9_000)
  expect(alertsWithin(BURSTS, 50)).toBe(500)
  expect(alertsWithin(BURSTS, 2_000)).toBe(39_000)
})

test('the fleet is as many machines as the alerts at once need, and as many cores as their work', () => {
  const two = BURSTS.map(({ alerts, maxMs }) => ({ alerts, maxMs: maxMs / 1.5 }))
  const fleet = fleetFor({ alerts: 30_000, timeMs: 500, one: BURSTS, two, cpuUs: { sos: 50, mongo: 20 } })
  expect(fleet.machines).toBe(4)
  expect(fleet.scaling).toBeCloseTo(1.5)
  expect(fleet.cores).toEqual({ sos: 3, mongo: 1.2 })
})
