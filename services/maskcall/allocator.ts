/**
 * Finds a virtual number for two people, with any number of processes at it.
 *
 * A few guesses first: each is one write, which the unique index takes or
 * refuses whole. Where they are all refused, what is free is looked up, so
 * that a pool that is nearly full is used to its last place before it is
 * called exhausted.
 */
import { randomInt } from 'node:crypto'
import { type DigestKey, pairClaims, placeClaim } from './claims.ts'
import type { MaskcallEvents } from './events.ts'
import type { PoolNumber } from './number-list.ts'
import type { Pool } from './pool.ts'
import type { VirtualNumber } from './session.ts'
import type { ProviderName } from './voice-provider.ts'

export interface Taken {
  readonly number: VirtualNumber
  readonly claims: readonly string[]
  readonly driverClaims: readonly string[]
}

export interface AllocatorParts {
  readonly pool: Pool
  readonly digestKeys: readonly DigestKey[]
  /** Those that some session holds. */
  readonly heldOf: (claims: readonly string[]) => Promise<ReadonlySet<string>>
  /** Brings the pool up to date; several calls at once are one. */
  readonly refresh: () => Promise<void>
  readonly events: MaskcallEvents
}

export interface Wish {
  readonly provider: ProviderName
  readonly country: string | undefined
  readonly phones: { readonly driver: string; readonly passenger: string }
}

/** Tries to write it; undefined where others hold one of the claims. */
export type Take<T> = (taken: Taken) => Promise<T | undefined>

const GUESSES_MAX = 3
/** Numbers whose claims are looked up together. */
const CHUNK = 50
/** Writes after the look-ups: each was free a moment before. */
const CAREFUL_TRIES_MAX = 25

function random(): number {
  const STEPS = 2 ** 32
  return randomInt(STEPS) / STEPS
}

export class Allocator {
  readonly #parts: AllocatorParts

  constructor(parts: AllocatorParts) {
    this.#parts = parts
  }

  /** Undefined: nothing is free for these two. */
  async take<T>(wish: Wish, take: Take<T>): Promise<T | undefined> {
    return (await this.#guess(wish, take)) ?? (await this.#search(wish, take))
  }

  async #tryPlace<T>(
    { phones }: Wish,
    { number, provider }: PoolNumber,
    place: number,
    take: Take<T>,
  ): Promise<T | undefined> {
    const { pool, digestKeys, events } = this.#parts
    const { driver, passenger } = pairClaims(digestKeys, number, phones)
    const claims = [placeClaim(number, place), ...driver, ...passenger]
    const result = await take({ number: { provider, number }, claims, driverClaims: driver })
    if (result === undefined) events.claimConflict(provider)
    else pool.took(number)
    return result
  }

  async #guess<T>(wish: Wish, take: Take<T>): Promise<T | undefined> {
    const { pool } = this.#parts
    const candidates = pool.candidates(wish.provider, wish.country)
    for (let guess = 0; guess < GUESSES_MAX; guess += 1) {
      const candidate = pool.guess(candidates, random)
      if (candidate === undefined) return undefined
      const result = await this.#tryPlace(wish, candidate, randomInt(pool.placesPerNumber), take)
      if (result !== undefined) return result
    }
    return undefined
  }

  async #search<T>(wish: Wish, take: Take<T>): Promise<T | undefined> {
    for (let tries = 0; tries < CAREFUL_TRIES_MAX; tries += 1) {
      const free = await this.#findFree(wish)
      if (free === undefined) return undefined
      // Where somebody was faster, something else may be free still.
      const result = await this.#tryPlace(wish, free.number, free.place, take)
      if (result !== undefined) return result
    }
    return undefined
  }

  async #findFree(wish: Wish): Promise<{ readonly number: PoolNumber; readonly place: number } | undefined> {
    const { pool, refresh } = this.#parts
    await refresh()
    const candidates = pool
      .byUse(pool.candidates(wish.provider, wish.country))
      .filter(({ number }) => pool.heldBy(number) < pool.placesPerNumber)
    for (let from = 0; from < candidates.length; from += CHUNK) {
      for (const number of await this.#withoutThesePeople(wish, candidates.slice(from, from + CHUNK))) {
        const place = await this.#findPlace(number.number)
        if (place !== undefined) return { number, place }
      }
    }
    return undefined
  }

  /** The numbers that neither of the two is known to already. */
  async #withoutThesePeople(
    { phones }: Wish,
    numbers: readonly PoolNumber[],
  ): Promise<readonly PoolNumber[]> {
    const { digestKeys, heldOf } = this.#parts
    const claimsOf = new Map(
      numbers.map((number) => {
        const { driver, passenger } = pairClaims(digestKeys, number.number, phones)
        return [number, [...driver, ...passenger]] as const
      }),
    )
    const held = await heldOf([...claimsOf.values()].flat())
    return numbers.filter((number) => !claimsOf.get(number)?.some((claim) => held.has(claim)))
  }

  async #findPlace(number: string): Promise<number | undefined> {
    const { pool, heldOf } = this.#parts
    const all = Array.from({ length: pool.placesPerNumber }, (_, place) => place)
    const held = await heldOf(all.map((place) => placeClaim(number, place)))
    const free = all.filter((place) => !held.has(placeClaim(number, place)))
    return free[free.length === 0 ? 0 : randomInt(free.length)]
  }
}
