import { describe, expect, it } from 'vitest'
import { type Link, livenessOf, SILENCE_MAX_MS } from './liveness.ts'

const OPEN: Link = { state: 'open', retryAtMs: undefined, heardAtMs: 1_000, edgeId: 'edge-1' }

describe('whether the room is live', () => {
  it('is live while something was heard lately', () => {
    expect(livenessOf(OPEN, 1_000 + SILENCE_MAX_MS)).toEqual({ kind: 'live' })
  })

  it('tells how far behind an open and silent connection is', () => {
    expect(livenessOf(OPEN, 13_400)).toEqual({ kind: 'behind', seconds: 12 })
  })

  it('counts down to the next try, never below nothing', () => {
    const waiting: Link = { ...OPEN, state: 'waiting', retryAtMs: 4_000 }
    expect(livenessOf(waiting, 1_001)).toEqual({ kind: 'waiting', seconds: 3 })
    expect(livenessOf(waiting, 9_000)).toEqual({ kind: 'waiting', seconds: 0 })
  })

  it('is connecting without a count, and stopped where coming back is of no use', () => {
    expect(livenessOf({ ...OPEN, state: 'connecting' }, 2_000)).toEqual({ kind: 'connecting' })
    expect(livenessOf({ ...OPEN, state: 'stopped' }, 2_000)).toEqual({ kind: 'stopped' })
  })
})
