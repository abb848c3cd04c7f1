import fc from 'fast-check'
import { expect, test } from 'vitest'
import { needsNewBox, paddedBox } from './box.ts'

const CITY = { south: 17.3, west: 78.3, north: 17.5, east: 78.6 }

test('a box is asked for with a margin, so that a small move needs no other', () => {
  const watched = paddedBox(CITY)
  expect(watched.south).toBeCloseTo(17.24)
  expect(watched.east).toBeCloseTo(78.69)
  expect(needsNewBox(watched, CITY)).toBe(false)
  expect(needsNewBox(watched, { ...CITY, west: 78.35, east: 78.65 })).toBe(false)
  expect(needsNewBox(watched, { ...CITY, west: 78.6, east: 78.9 })).toBe(true)
  expect(needsNewBox(watched, { ...CITY, north: 17.7 })).toBe(true)
})

test('a map zoomed in far asks for less', () => {
  expect(needsNewBox(paddedBox(CITY), { south: 17.39, west: 78.44, north: 17.41, east: 78.46 })).toBe(true)
})

test('a map across the date line keeps its edges within 180 degrees', () => {
  const fiji = { south: -19, west: 177, north: -16, east: 183 }
  const watched = paddedBox(fiji)
  expect(watched.west).toBeCloseTo(175.2)
  expect(watched.east).toBeCloseTo(-175.2)
  expect(needsNewBox(watched, fiji)).toBe(false)
  expect(needsNewBox(watched, { ...fiji, west: -183, east: -177 })).toBe(false)
})

test('the whole world is the widest box there is', () => {
  const world = paddedBox({ south: -80, west: -300, north: 80, east: 300 })
  expect(world).toEqual({ south: -90, west: -180, north: 90, east: 180 })
  expect(needsNewBox(world, { south: -80, west: -300, north: 80, east: 300 })).toBe(false)
})

test('any box that was just asked for serves the view that it was asked for', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -85, max: 80, noNaN: true }),
      fc.double({ min: -360, max: 360, noNaN: true }),
      fc.double({ min: 0.001, max: 5, noNaN: true }),
      fc.double({ min: 0.001, max: 150, noNaN: true }),
      (south, west, height, width) => {
        const visible = { south, west, north: south + height, east: west + width }
        const watched = paddedBox(visible)
        expect(needsNewBox(watched, visible)).toBe(false)
        for (const lng of [watched.west, watched.east]) expect(Math.abs(lng)).toBeLessThanOrEqual(180)
      },
    ),
  )
})
