import { expect, test } from 'vitest'
import { Trail } from './trail.ts'

function trailOf(...fixes: [second: number, lat: number][]) {
  const trail = new Trail()
  for (const [second, lat] of fixes) trail.add({ lat, lng: 78.5, timestampMs: second * 1000 })
  return trail.points.map(({ lat, isBreak }) => [lat, isBreak])
}

test('a trail begins with a break and goes on as a line', () => {
  expect(trailOf([0, 17.4], [1, 17.4001], [2, 17.4002])).toEqual([
    [17.4, true],
    [17.4001, false],
    [17.4002, false],
  ])
})

test('a vehicle that stands, and a fix that is older, add nothing', () => {
  expect(trailOf([10, 17.4], [11, 17.400001], [5, 17.41])).toEqual([[17.4, true]])
})

test('the line is broken by a jump and by a long silence', () => {
  expect(trailOf([0, 17.4], [1, 17.5])[1]).toEqual([17.5, true])
  expect(trailOf([0, 17.4], [600, 17.401])[1]).toEqual([17.401, true])
})

test('a trail holds the last ten minutes of fixes a second', () => {
  const points = trailOf(...Array.from({ length: 900 }, (_, s): [number, number] => [s, 17 + s / 10_000]))
  expect(points).toHaveLength(600)
  expect(points.at(-1)).toEqual([17.0899, false])
})
