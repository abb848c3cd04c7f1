import fc from 'fast-check'
import { expect, test } from 'vitest'
import { distanceM, isJump, toPlace, toPoint, turn } from './geo.ts'

const place = fc.record({
  lat: fc.double({ min: -85, max: 85, noNaN: true }),
  lng: fc.double({ min: -180, max: 180, noNaN: true }),
})

test('a place on the map is the same place again', () => {
  fc.assert(
    fc.property(place, (one) => {
      const again = toPlace(toPoint(one))
      expect(again.lat).toBeCloseTo(one.lat, 6)
      expect(again.lng).toBeCloseTo(one.lng, 6)
    }),
  )
})

test('north is up and the poles stay on the map', () => {
  expect(toPoint({ lat: 10, lng: 0 }).y).toBeLessThan(toPoint({ lat: 0, lng: 0 }).y)
  expect(toPoint({ lat: 90, lng: 0 }).y).toBeCloseTo(0, 6)
  expect(toPoint({ lat: 0, lng: 0 })).toEqual({ x: 0.5, y: 0.5 })
})

test('a degree of latitude is 111 km', () => {
  expect(distanceM({ lat: 17, lng: 78 }, { lat: 18, lng: 78 })).toBeCloseTo(111_195, -2)
})

test('what no car can drive is a jump', () => {
  const from = { lat: 17.4, lng: 78.5 }
  expect(isJump(from, { lat: 17.401, lng: 78.5 }, 2_000)).toBe(false)
  expect(isJump(from, { lat: 17.41, lng: 78.5 }, 2_000)).toBe(true)
})

test('a heading turns the short way round', () => {
  expect(turn(350, 10, 0.5)).toBe(0)
  expect(turn(10, 350, 0.25)).toBe(5)
  const heading = fc.double({ min: 0, max: 359, noNaN: true })
  fc.assert(
    fc.property(heading, heading, fc.double({ min: 0, max: 1, noNaN: true }), (from, to, share) => {
      const at = turn(from, to, share)
      expect(at).toBeGreaterThanOrEqual(0)
      expect(at).toBeLessThan(360.000001)
      const turned = Math.abs(((at - from + 540) % 360) - 180)
      expect(turned).toBeLessThanOrEqual(180 * share + 0.001)
    }),
  )
})
