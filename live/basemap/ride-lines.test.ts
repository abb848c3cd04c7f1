import { expect, test } from 'vitest'
import { rideLines } from './ride-lines.ts'

function ride(...points: [atS: number, lat: number][]) {
  return {
    id: 'one',
    durationS: 600,
    points: points.map(([atS, lat]) => ({ atS, lat, lng: -122.4123456 })),
  }
}

test('a ride is a line, rounded to what can be seen', () => {
  const { coordinates } = rideLines([ride([0, 37.770001], [60, 37.774])])
  expect(coordinates).toEqual([
    [
      [-122.4123, 37.77],
      [-122.4123, 37.774],
    ],
  ])
})

test('where the receiver jumped there is no line, and a repeated fix adds none', () => {
  const { coordinates } = rideLines([ride([0, 37.77], [60, 37.771], [120, 37.9], [180, 37.9], [240, 37.901])])
  expect(coordinates.map((line) => line.map(([, lat]) => lat))).toEqual([
    [37.77, 37.771],
    [37.9, 37.901],
  ])
})
