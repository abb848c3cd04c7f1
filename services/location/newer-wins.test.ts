import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Kind } from './intake.ts'
import { MemoryPod, MemoryStore, NOW, reportAt } from './testing/memory-pod.ts'

const offsets = fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 30 })

function times(fixes: readonly { readonly timestampMs: number }[]): number[] {
  return fixes.map(({ timestampMs }) => timestampMs)
}

function isRising(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value > (values[index - 1] ?? Infinity))
}

describe('Property 3: Location Batching Idempotency', () => {
  it('Property 3: of one window only the latest is stored and broadcast, and the same batch again changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(offsets, async (given) => {
        const store = new MemoryStore()
        await using pod = new MemoryPod(store)
        await pod.follow('trip')
        const newest = NOW + Math.max(...given)
        pod.report(given.map((ms) => reportAt(NOW + ms)))
        await pod.tick()
        const [latest, stored, delivered] = [
          new Map(store.latest),
          [...store.stored],
          times(pod.follower.fixes),
        ]
        expect(stored).toEqual([newest])
        expect(delivered).toEqual([newest])
        expect(pod.told).toHaveLength(1)

        pod.report(given.map((ms) => reportAt(NOW + ms)))
        await pod.tick()
        expect(store.latest).toEqual(latest)
        expect(store.stored).toEqual(stored)
        expect(times(pod.follower.fixes)).toEqual(delivered)
        expect(pod.told).toHaveLength(1)
        expect(pod.settled).toBe(2)
      }),
    )
  })

  it('Property 3: holds where the repeat comes as backfill, or to a pod that has just started', async () => {
    await fc.assert(
      fc.asyncProperty(offsets, fc.boolean(), async (given, isOther) => {
        const store = new MemoryStore()
        await using pod = new MemoryPod(store)
        await using other = new MemoryPod(store)
        pod.report(given.map((ms) => reportAt(NOW + ms)))
        await pod.trips.get('trip')
        await pod.tick()
        const stored = [...store.stored]
        const again = isOther ? other : pod
        await again.follow('trip')
        again.report(
          given.map((ms) => reportAt(NOW + ms)),
          Kind.BACKFILL,
        )
        await again.tick()
        expect(store.stored).toEqual(stored)
        expect(again.follower.fixes).toEqual([])
      }),
    )
  })
})

describe('an older position never replaces a newer one', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('report' as const),
      pod: fc.nat(2),
      offsets: fc.array(fc.nat(200), { maxLength: 5 }),
    }),
    fc.record({
      kind: fc.constant('backfill' as const),
      pod: fc.nat(2),
      offsets: fc.array(fc.nat(200), { maxLength: 5 }),
    }),
    fc.record({ kind: fc.constant('tick' as const), pod: fc.nat(2) }),
    // A message of one pod reaches another, perhaps late, out of order and again.
    fc.record({ kind: fc.constant('hear' as const), pod: fc.nat(2), from: fc.nat(2), which: fc.nat(20) }),
    fc.record({ kind: fc.constant('redis' as const), isAway: fc.boolean() }),
  )

  it('for any interleaving of pods, batches, repeats and a Redis that comes and goes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const store = new MemoryStore()
        await using one = new MemoryPod(store)
        await using two = new MemoryPod(store)
        await using three = new MemoryPod(store)
        const pods = [one, two, three]
        const at = (index: number): MemoryPod => pods[index] ?? one
        for (const pod of pods) await pod.follow('trip')
        for (const given of steps) {
          if (given.kind === 'redis') store.isAway = given.isAway
          else if (given.kind === 'tick') await at(given.pod).tick()
          else if (given.kind === 'hear') {
            const { told } = at(given.from)
            const message = told[given.which % Math.max(1, told.length)]
            if (message !== undefined && given.from !== given.pod) at(given.pod).takeForeign(message)
          } else {
            const reports = given.offsets.map((ms) => reportAt(NOW + ms))
            at(given.pod).report(reports, given.kind === 'backfill' ? Kind.BACKFILL : Kind.LIVE)
          }
        }
        for (const pod of pods) await pod.tick()
        for (const from of pods)
          for (const pod of pods) if (pod !== from) for (const message of from.told) pod.takeForeign(message)

        expect(isRising(store.stored)).toBe(true)
        for (const pod of pods) expect(isRising(times(pod.follower.fixes))).toBe(true)
        const newest = pods.map(({ follower }) => follower.fixes.at(-1)?.timestampMs)
        expect(new Set(newest).size).toBe(1)
      }),
      { numRuns: 200 },
    )
  })
})

describe('a report', () => {
  it('by anyone but the driver, of an unknown place or time, is refused with its reason and holds up nothing', async () => {
    await using pod = new MemoryPod(new MemoryStore())
    await pod.follow('trip')
    const good = reportAt(NOW)
    const nowhere = reportAt(NOW)
    if (nowhere.position !== undefined) nowhere.position.lat = Number.NaN
    pod.report([
      reportAt(NOW, 'trip', 'other'),
      nowhere,
      { ...good, position: undefined },
      reportAt(NOW + 60_001),
      good,
    ])
    await pod.tick()
    expect(pod.refused).toHaveLength(4)
    expect(times(pod.follower.fixes)).toEqual([NOW])
    expect(pod.settled).toBe(1)
  })
})
