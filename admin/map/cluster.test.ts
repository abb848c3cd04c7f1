import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cellOf, clusterAll, countText, type Spot } from './cluster.ts'

const spot = fc.record({
  x: fc.double({ min: 0, max: 0.999, noNaN: true }),
  y: fc.double({ min: 0, max: 0.999, noNaN: true }),
  isStale: fc.boolean(),
})
const self = (item: Spot): Spot => item

describe('clusters', () => {
  it('lose nobody and count nobody twice', () => {
    fc.assert(
      fc.property(fc.array(spot), fc.double({ min: 3, max: 18, noNaN: true }), (spots, zoom) => {
        const { clusters, singles } = clusterAll(spots, zoom, self)
        const inClusters = clusters.reduce((sum, { count }) => sum + count, 0)
        expect(inClusters + singles.length).toBe(spots.length)
        const stale = clusters.reduce((sum, cluster) => sum + cluster.stale, 0)
        expect(stale + singles.filter(({ isStale }) => isStale).length).toBe(
          spots.filter(({ isStale }) => isStale).length,
        )
      }),
    )
  })

  it('stand where their vehicles are', () => {
    const size = cellOf(10)
    const spots = Array.from({ length: 8 }, (_, index) => ({
      x: size * (100 + index / 10),
      y: size * 200.5,
      isStale: index < 3,
    }))
    const { clusters, singles } = clusterAll(spots, 10, self)
    expect(singles).toEqual([])
    expect(clusters).toHaveLength(1)
    expect(clusters[0]).toMatchObject({ count: 8, stale: 3 })
    expect((clusters[0]?.x ?? 0) / size).toBeCloseTo(100.35)
  })

  it('stay the same while the map is zoomed a little', () => {
    expect(cellOf(11.9)).toBe(cellOf(12.2))
    expect(cellOf(12.3)).toBeLessThan(cellOf(12.2))
  })

  it('leave arrows from near, also where some stand close together', () => {
    const spots = Array.from({ length: 20 }, () => ({ x: 0.5, y: 0.5, isStale: false }))
    expect(clusterAll(spots, 12, self).clusters).toHaveLength(1)
    expect(clusterAll(spots, 16, self).singles).toHaveLength(20)
  })
})

it.each([
  [7, '7'],
  [999, '999'],
  [1_240, '1.2k'],
  [12_600, '13k'],
])('%i is written as %s', (count, text) => {
  expect(countText(count)).toBe(text)
})
