import fc from 'fast-check'
import { expect, it } from 'vitest'
import { geoBoxes, isInside } from './box.ts'
import { distanceM } from './fix.ts'

const share = fc.double({ min: 0, max: 1, noNaN: true })
const box = fc
  .record({
    south: fc.double({ min: -75, max: 70, noNaN: true }),
    height: fc.double({ min: 0, max: 5, noNaN: true }),
    west: fc.double({ min: -180, max: 180, noNaN: true }),
    width: fc.double({ min: 0, max: 10, noNaN: true }),
  })
  .map(({ south, height, west, width }) => {
    const east = west + width
    return { south, north: south + height, west, east: east > 180 ? east - 360 : east }
  })

it('is covered by what Redis is asked for, also across the date line', () => {
  fc.assert(
    fc.property(box, share, share, (given, up, along) => {
      const { south, north, west, east } = given
      const width = east < west ? east + 360 - west : east - west
      const lat = south + up * (north - south)
      const raw = west + along * width
      const lng = raw > 180 ? raw - 360 : raw
      fc.pre(isInside(given, lat, lng))
      const boxes = geoBoxes(given)
      expect(boxes).toBeDefined()
      // As Redis measures: along the point's own parallel, and along the meridian.
      const isCovered = boxes?.some(
        (asked) =>
          distanceM(asked.lat, asked.lng, lat, asked.lng) <= asked.heightM / 2 &&
          distanceM(lat, asked.lng, lat, lng) <= asked.widthM / 2,
      )
      expect(isCovered).toBe(true)
    }),
  )
})

it('that is too large or too near a pole is left to a look at everything', () => {
  expect(geoBoxes({ south: -90, west: -180, north: 90, east: 180 })).toBeUndefined()
  expect(geoBoxes({ south: 70, west: 0, north: 76, east: 1 })).toBeUndefined()
})

it('knows what is inside on both sides of the date line', () => {
  const fiji = { south: -20, west: 177, north: -15, east: -178 }
  expect(isInside(fiji, -17, 179)).toBe(true)
  expect(isInside(fiji, -17, -179)).toBe(true)
  expect(isInside(fiji, -17, 0)).toBe(false)
  expect(isInside(fiji, -10, 179)).toBe(false)
})
