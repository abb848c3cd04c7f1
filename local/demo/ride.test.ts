import fc from 'fast-check'
import { expect, test } from 'vitest'
import { positionAt, readRides } from './ride.ts'

const CSV = `trip_id,timestamp,lat,lng,speed_mps
a-1,1000,37.77000,-122.41000,0.0
a-1,1060,37.77100,-122.41000,1.9
a-1,1120,37.90000,-122.41000,239.0
a-1,1180,37.90100,-122.41000,1.9
b-1,5000,37.80000,-122.40000,0.0
`

test('reads the rides that have a duration, from their first fix on', () => {
  const rides = readRides(CSV)
  expect(rides.map((ride) => [ride.id, ride.points.length, ride.durationS])).toEqual([['a-1', 4, 180]])
})

test('a vehicle moves on the line between two fixes, northward with heading 0', () => {
  const ride = readRides(CSV)[0]
  if (ride === undefined) throw new Error('no ride')
  expect(positionAt(ride, 30)).toEqual({ lat: 37.7705, lng: -122.41, speed: 1.9, heading: 0 })
})

test('a jump of the receiver is replayed as a jump', () => {
  const ride = readRides(CSV)[0]
  if (ride === undefined) throw new Error('no ride')
  expect(positionAt(ride, 119).lat).toBe(37.771)
  expect(positionAt(ride, 120).lat).toBe(37.9)
})

test('at any time the vehicle is inside the box of its ride', () => {
  const ride = readRides(CSV)[0]
  if (ride === undefined) throw new Error('no ride')
  fc.assert(
    fc.property(fc.double({ min: -100, max: 400, noNaN: true }), (atS) => {
      const at = positionAt(ride, atS)
      return at.lat >= 37.77 && at.lat <= 37.901 && at.lng === -122.41
    }),
  )
})

test('a line with too few columns is named', () => {
  expect(() => readRides('trip_id,timestamp,lat,lng\na,1')).toThrow('a,1')
})
