/** A process that dies at a call that the test picks: before it, or after its effect and before anyone knows. */

export class Died extends Error {}

export interface Death {
  /** Counted over all parts, from 0. */
  readonly atCall: number
  readonly isAfterEffect: boolean
}

export class DyingProcess {
  readonly #death: Death
  #calls = 0
  #isDead = false

  constructor(death: Death) {
    this.#death = death
  }

  /** The same part as this process has it. Whatever it still tries once it is dead has no effect. */
  reach<T extends object>(part: T): T {
    return new Proxy(part, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        const call = async (args: unknown[]): Promise<unknown> => {
          const isLast = this.#calls === this.#death.atCall
          this.#calls += 1
          if (this.#isDead || (isLast && !this.#death.isAfterEffect)) this.#die()
          const result: unknown = await method.apply(target, args)
          if (this.#isDead || isLast) this.#die()
          return result
        }
        return (...args: unknown[]): Promise<unknown> => {
          const answer = call(args)
          // Some calls nobody waits for; then the next one finds the process dead.
          answer.catch(() => undefined)
          return answer
        }
      },
    })
  }

  #die(): never {
    this.#isDead = true
    throw new Died()
  }
}
