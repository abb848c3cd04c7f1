/** How much of the pool is in use, by provider and circle. Pure. */
import type { PoolPart } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import type { KnownNumber } from './number-store.ts'
import type { NumberUse } from './session-store.ts'

/** A circle whose numbers are all retired is a part for as long as sessions have one of them. */
export function poolParts(
  numbers: readonly KnownNumber[],
  uses: readonly NumberUse[],
  placesPerNumber: number,
): PoolPart[] {
  const useOf = new Map(uses.map((use) => [use.number, use]))
  const parts = new Map<string, PoolPart>()
  for (const { number, provider, country, circle, state } of numbers) {
    const { held = 0, live = 0 } = useOf.get(number) ?? {}
    if (state === 'retired' && held === 0) continue
    const key = `${provider} ${country} ${circle}`
    const part = parts.get(key) ?? emptyPart(provider, country, circle)
    parts.set(key, {
      ...part,
      numbers: part.numbers + (state === 'active' ? 1 : 0),
      numbersPaused: part.numbersPaused + (state === 'paused' ? 1 : 0),
      places: part.places + (state === 'active' ? placesPerNumber : 0),
      used: part.used + live,
      resting: part.resting + held - live,
    })
  }
  return [...parts].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, part]) => part)
}

function emptyPart(provider: string, country: string, circle: string): PoolPart {
  return { provider, country, circle, numbers: 0, numbersPaused: 0, places: 0, used: 0, resting: 0 }
}
