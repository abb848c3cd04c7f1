import { describe, expect, it } from 'vitest'
import { sumOf } from './user-counts.ts'

const own = { edgeId: 'edge-1', startedAt: 50, count: 2 }

describe('a person’s sockets', () => {
  it('are summed over nodes that are live, with this node’s own count', () => {
    const live = [own, { edgeId: 'edge-2', startedAt: 60 }, { edgeId: 'edge-3', startedAt: 70 }]
    expect(sumOf({ 'edge-1|50': '1', 'edge-2|60': '3' }, live, own, 1_000_000)).toBe(5)
  })

  it('of nodes that are gone, or of earlier starts, are not counted', () => {
    const live = [own, { edgeId: 'edge-2', startedAt: 60 }]
    const fields = { 'edge-1|40': '4', 'edge-2|30': '4', 'edge-9|10': '4' }
    expect(sumOf(fields, live, own, 1_000_000)).toBe(2)
  })

  it('of a node that has just started count before it is known', () => {
    const fields = { 'edge-2|999999': '3' }
    expect(sumOf(fields, [own], own, 1_000_000)).toBe(5)
    expect(sumOf(fields, [own], own, 1_020_000)).toBe(2)
  })
})
