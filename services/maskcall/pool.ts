/**
 * Which virtual number the next session tries, and how full the pool is.
 *
 * Pure. What it knows may be seconds old: a wrong guess costs a try, since the
 * unique index decides; a right one keeps the numbers evenly used.
 */
import type { PoolNumber } from './number-list.ts'
import type { ProviderName } from './voice-provider.ts'

export interface PoolUse {
  readonly held: number
  readonly capacity: number
}

export class Pool {
  readonly #placesPerNumber: number
  #numbers: readonly PoolNumber[] = []
  #held = new Map<string, number>()

  constructor(placesPerNumber: number) {
    this.#placesPerNumber = placesPerNumber
  }

  get placesPerNumber(): number {
    return this.#placesPerNumber
  }

  update(numbers: readonly PoolNumber[], held: ReadonlyMap<string, number>): void {
    this.#numbers = numbers
    this.#held = new Map(held)
  }

  /** Between updates, so that one process by itself does not pile up what it gives out. */
  took(number: string): void {
    this.#held.set(number, this.heldBy(number) + 1)
  }

  heldBy(number: string): number {
    return this.#held.get(number) ?? 0
  }

  /** Those of the wished country; all of the provider's where it has none there. */
  candidates(provider: ProviderName, country: string | undefined): readonly PoolNumber[] {
    const own = this.#numbers.filter((number) => number.provider === provider)
    const near = own.filter((number) => number.country === country)
    return near.length > 0 ? near : own
  }

  useOf(provider: ProviderName): PoolUse {
    const own = this.#numbers.filter((number) => number.provider === provider)
    return {
      held: own.reduce((sum, { number }) => sum + this.heldBy(number), 0),
      capacity: own.length * this.#placesPerNumber,
    }
  }

  /** The less used of two by chance: even, and no herd on the least used one. */
  guess(candidates: readonly PoolNumber[], random: () => number): PoolNumber | undefined {
    const pick = () => candidates[Math.floor(random() * candidates.length)]
    const [one, other] = [pick(), pick()]
    if (one === undefined || other === undefined) return undefined
    return this.heldBy(one.number) <= this.heldBy(other.number) ? one : other
  }

  byUse(candidates: readonly PoolNumber[]): readonly PoolNumber[] {
    return candidates.toSorted((one, other) => this.heldBy(one.number) - this.heldBy(other.number))
  }
}
