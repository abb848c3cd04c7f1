import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Document,
  hasFile,
  nextStep,
  RESTING,
  STATES,
  type State,
  TRANSITIONS,
  type Transition,
} from './document.ts'

const TRANSITION_NAMES = Object.keys(TRANSITIONS) as Transition[]

function mayTransit(name: Transition, from: State): boolean {
  const states: readonly State[] = TRANSITIONS[name].from
  return states.includes(from)
}

function documentIn(state: State, more: Partial<Document> = {}): Document {
  return {
    id: 'd_12345678',
    userId: 'u',
    type: 'license',
    fileName: 'a',
    contentType: 'image/jpeg',
    sizeBytes: 1,
    sha256: '0'.repeat(64),
    state,
    createdMs: 0,
    changedMs: 0,
    examinations: 0,
    ...more,
  }
}

describe('the states of a document', () => {
  it('have a step that leads out of each, but for those in which it rests', () => {
    for (const state of STATES) {
      expect(nextStep(documentIn(state)) === undefined).toBe(RESTING.includes(state))
    }
  })

  it('a rejected one rests once its owner is told', () => {
    expect(nextStep(documentIn('rejected', { isOwnerUntold: true }))).toBe('tell_owner')
  })

  it('whatever happens in whatever order: only a checked file is ever shown, and a rejected one never again', () => {
    const wishes = fc.array(fc.constantFrom(...TRANSITION_NAMES), { maxLength: 40 })
    fc.assert(
      fc.property(wishes, (names) => {
        let state: State = 'uploading'
        const seen = new Set<State>([state])
        for (const name of names) {
          if (!mayTransit(name, state)) continue
          state = TRANSITIONS[name].to
          if (hasFile(documentIn(state))) expect(seen.has('passed')).toBe(true)
          if (seen.has('rejected') || seen.has('rejecting')) {
            expect(['rejecting', 'rejected', 'deleting']).toContain(state)
          }
          if (seen.has('deleting')) expect(state).toBe('deleting')
          if (state === 'approved') expect(seen.has('approving')).toBe(true)
          seen.add(state)
        }
      }),
    )
  })

  it('every state is reached, and from every one a document can be deleted', () => {
    const reached = new Set<State>(['uploading'])
    for (let round = 0; round < STATES.length; round += 1) {
      for (const { from, to } of Object.values(TRANSITIONS)) {
        if (from.some((state) => reached.has(state))) reached.add(to)
      }
    }
    expect([...reached].toSorted()).toEqual([...STATES].toSorted())
    for (const state of STATES) expect(mayTransit('delete', state)).toBe(state !== 'deleting')
  })
})
