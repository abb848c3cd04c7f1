/** Typed listeners. One that throws is the app's bug: it surfaces as one, and the others are still told. */

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>()

  /** Answers how to stop listening. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const listeners = (this.#listeners.get(name) ?? []) as Iterable<(event: Events[Name]) => void>
    for (const listener of [...listeners]) tell(listener, event)
  }
}

/** Calls what belongs to the app. */
export function tell<E>(listener: ((event: E) => void) | undefined, event: E): void {
  try {
    listener?.(event)
  } catch (error) {
    // Rejected and handled by nobody: each runtime reports that loudly.
    void Promise.reject(error)
  }
}
