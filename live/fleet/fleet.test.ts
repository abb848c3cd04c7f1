import { expect, test } from 'vitest'
import { Fleet } from './fleet.ts'

function fixAt(timestampMs: number, lat = 17.4) {
  return { lat, lng: 78.5, speed: 8, heading: 90, timestampMs }
}

test('a newer position moves a vehicle, an older or the same one does not', () => {
  const fleet = new Fleet()
  fleet.accept('T1', fixAt(1_000, 17.4), 1_050)
  fleet.accept('T1', fixAt(2_000, 17.401), 2_050)
  fleet.accept('T1', fixAt(2_000, 17.402), 2_060)
  fleet.accept('T1', fixAt(1_500, 17.403), 2_070)
  expect(fleet.vehicles.get('T1')?.fix.lat).toBe(17.401)
  expect(fleet.meter.read(2_100)).toMatchObject({ delayP50Ms: 50, delayP99Ms: 50 })
})

test('what was missed is drawn and not counted as traffic', () => {
  const fleet = new Fleet()
  for (let second = 1; second <= 5; second += 1)
    fleet.acceptPast('T1', fixAt(second * 1_000, 17 + second / 1_000), 90_000)
  expect(fleet.vehicles.get('T1')?.trail.points).toHaveLength(5)
  expect(fleet.vehicles.get('T1')?.poseAt(90_000)).toEqual(fleet.vehicles.get('T1')?.restingPose)
  expect(fleet.meter.read(90_000).delayP50Ms).toBeUndefined()
})

test('a fleet of thousands keeps short trails', () => {
  const fleet = new Fleet({ trailPointsMax: 3 })
  for (let second = 1; second <= 9; second += 1)
    fleet.accept('T1', fixAt(second * 1_000, 17 + second / 10_000), second * 1_000)
  expect(fleet.vehicles.get('T1')?.trail.points.map(({ timestampMs }) => timestampMs)).toEqual([
    7_000, 8_000, 9_000,
  ])
})

test('a vehicle that stands keeps the way it points', () => {
  const fleet = new Fleet()
  fleet.accept('T1', fixAt(1_000), 1_000)
  fleet.accept('T1', { ...fixAt(2_000), speed: 0, heading: 0 }, 2_000)
  expect(fleet.vehicles.get('T1')?.restingPose.heading).toBe(90)
})

test('a new snapshot drops what it does not name', () => {
  const fleet = new Fleet()
  for (const tripId of ['T1', 'T2', 'T3']) fleet.accept(tripId, fixAt(1_000), 1_000)
  fleet.keepOnly(new Set(['T2']))
  expect([...fleet.vehicles.keys()]).toEqual(['T2'])
})

test('on a device whose clock is wrong, ages are told by the server’s', () => {
  const fleet = new Fleet()
  fleet.setClock(1_000_000, 400_000)
  fleet.accept('T1', fixAt(999_000), 400_000)
  const vehicle = fleet.vehicles.get('T1')
  expect(vehicle && fleet.ageMs(vehicle, 401_000)).toBe(2_000)
})
