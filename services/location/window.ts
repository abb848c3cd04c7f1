/**
 * The newest fix of each person in one batch window.
 *
 * Pure. The slot belongs to the person's own state, so that a report costs no
 * second map lookup and the window no memory but a list of those who moved.
 */
export interface WindowSlot<F extends { readonly timestampMs: number }> {
  /** The newest fix of the window that is open; undefined where the person has not moved in it. */
  pending: F | undefined
}

export class Window<F extends { readonly timestampMs: number }, S extends WindowSlot<F>> {
  #slots: S[] = []

  /** False where the window holds this fix, or a newer one, already. */
  add(slot: S, fix: F): boolean {
    const held = slot.pending
    if (held === undefined) this.#slots.push(slot)
    else if (fix.timestampMs <= held.timestampMs) return false
    slot.pending = fix
    return true
  }

  get size(): number {
    return this.#slots.length
  }

  /** Closes the window: those who moved, each with `pending` set. The caller clears `pending`. */
  close(): S[] {
    const slots = this.#slots
    this.#slots = []
    return slots
  }
}
