import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WorkBudget } from './work-budget.ts'

it('what runs at once stays within the budget, all is run, and in its order', async () => {
  const works = fc.array(
    fc.record({ pixels: fc.integer({ min: 1, max: 150 }), turns: fc.nat({ max: 5 }), fails: fc.boolean() }),
    { maxLength: 30 },
  )
  await fc.assert(
    fc.asyncProperty(works, async (all) => {
      const budget = new WorkBudget(100)
      const started: number[] = []
      let used = 0
      const runs = all.map(({ pixels, turns, fails }, index) =>
        budget.run(pixels, async () => {
          started.push(index)
          used += Math.min(pixels, 100)
          expect(used).toBeLessThanOrEqual(100)
          for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
          used -= Math.min(pixels, 100)
          if (fails) throw new Error('a broken image')
        }),
      )
      await Promise.allSettled(runs)
      expect(started).toEqual(all.map((_, index) => index))
      expect(used).toBe(0)
    }),
  )
})
