/** The calls that the sandbox's providers carried, newest last, and how the phones of the world behave. */

export type LegStatus = 'ringing' | 'in-progress' | 'completed' | 'busy' | 'no-answer' | 'failed'

export interface SandboxLeg {
  /** The caller id: what the phone shows. */
  readonly from: string
  readonly to: string
  status: LegStatus
}

export interface SandboxCall {
  /** The provider's id of it. */
  readonly id: string
  readonly provider: string
  readonly direction: 'outbound' | 'inbound'
  readonly from: string
  readonly to: string
  /** ISO 8601. */
  readonly at: string
  readonly legs: SandboxLeg[]
  isRecorded: boolean
  /** What was read to the caller; empty for nothing. */
  heard: string
}

export const BEHAVIOURS = ['answer', 'busy', 'no-answer', 'hold'] as const
/** `hold`: answers and talks until it is told to hang up. */
export type Behaviour = (typeof BEHAVIOURS)[number]

const CALLS_MAX = 5_000
const PAGE_MAX = 1_000

export interface CallFilter {
  readonly provider?: string | undefined
  /** A number of any leg. */
  readonly number?: string | undefined
}

export class CallBoard {
  readonly #calls: SandboxCall[] = []
  readonly #behaviours = new Map<string, Behaviour>()
  readonly #hangUps = new Map<string, () => void>()

  add(call: SandboxCall): void {
    this.#calls.push(call)
    if (this.#calls.length > CALLS_MAX) this.#calls.shift()
  }

  find({ provider, number }: CallFilter): readonly SandboxCall[] {
    return this.#calls
      .filter((call) => provider === undefined || call.provider === provider)
      .filter(
        (call) => number === undefined || call.legs.some(({ from, to }) => from === number || to === number),
      )
      .slice(-PAGE_MAX)
  }

  clear(): void {
    this.#calls.length = 0
  }

  behave(number: string, behaviour: Behaviour): void {
    this.#behaviours.set(number, behaviour)
  }

  behaviourOf(number: string): Behaviour {
    return this.#behaviours.get(number) ?? 'answer'
  }

  /** Resolves when someone hangs up for a phone that holds. */
  held(number: string): Promise<void> {
    return new Promise((resolve) => this.#hangUps.set(number, resolve))
  }

  hangUp(number: string): boolean {
    const end = this.#hangUps.get(number)
    this.#hangUps.delete(number)
    end?.()
    return end !== undefined
  }
}
