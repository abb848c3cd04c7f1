import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AuditEntry, appendEntry, findBroken, type NewEntry } from './audit.ts'

const entry = fc.record({ action: fc.string(), actor: fc.string(), note: fc.string(), atMs: fc.nat() })
const chain = fc
  .array(entry, { minLength: 1, maxLength: 12 })
  .map((entries) => entries.reduce<AuditEntry[]>((held, next: NewEntry) => appendEntry(held, next), []))

test('a trail as it was written is whole', () => {
  fc.assert(
    fc.property(chain, (entries) => {
      expect(findBroken(entries)).toBeUndefined()
    }),
  )
})

test('an entry that was changed is found', () => {
  fc.assert(
    fc.property(chain, fc.nat(), entry, (entries, place, other) => {
      const at = place % entries.length
      const held = entries[at]
      fc.pre(held !== undefined && JSON.stringify({ ...held, ...other }) !== JSON.stringify(held))
      const forged = entries.map((each, index) => (index === at ? { ...each, ...other } : each))
      expect(findBroken(forged)).toBe(at + 1)
    }),
  )
})

test('an entry that was taken out, and any that were swapped, are found', () => {
  fc.assert(
    fc.property(chain, fc.nat(), (entries, place) => {
      fc.pre(entries.length > 1)
      // The last one may be missing without a trace: what proves it is the alert's version.
      const at = place % (entries.length - 1)
      expect(findBroken(entries.toSpliced(at, 1))).toBe(at + 1)
      const [first, second] = [entries[at], entries[at + 1]]
      if (first !== undefined && second !== undefined) {
        expect(findBroken(entries.toSpliced(at, 2, second, first))).toBe(at + 1)
      }
    }),
  )
})
