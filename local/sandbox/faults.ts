/** How each provider misbehaves, as the page and the tests tell it. */

export const MODES = ['ok', 'fail', 'slow', 'down', 'refuse'] as const
export const RECEIPTS = ['normal', 'none', 'failed'] as const

export interface Fault {
  readonly provider: string
  /**
   * `fail`: an error of the 500s. `slow`: takes the message, answers after
   * `latencyMs`. `down`: resets the connection. `refuse`: answers with the
   * provider's documented error `code`.
   */
  readonly mode: (typeof MODES)[number]
  readonly latencyMs: number
  readonly code: string
  /** What is reported of messages taken meanwhile: as it goes, nothing, or that they could not be delivered. */
  readonly receipts: (typeof RECEIPTS)[number]
}

export const LATENCY_MAX_MS = 120_000

export class BadFault extends Error {}

function oneOf<const V extends string>(values: readonly V[], given: unknown, name: string, fallback: V): V {
  if (given === undefined) return fallback
  const found = values.find((value) => value === given)
  if (found === undefined) throw new BadFault(`${name} is none of ${values.join(', ')}`)
  return found
}

export class Faults {
  readonly #byProvider: Map<string, Fault>

  constructor(providers: readonly string[]) {
    this.#byProvider = new Map(
      providers.map((provider) => [
        provider,
        { provider, mode: 'ok', latencyMs: 0, code: '', receipts: 'normal' },
      ]),
    )
  }

  of(provider: string): Fault {
    const fault = this.#byProvider.get(provider)
    if (fault === undefined)
      throw new BadFault(`provider is none of ${[...this.#byProvider.keys()].join(', ')}`)
    return fault
  }

  list(): readonly Fault[] {
    return [...this.#byProvider.values()]
  }

  /** What is left out is as it is without a fault. */
  set(given: Readonly<Record<string, unknown>>): Fault {
    const { provider } = this.of(String(given.provider))
    const latencyMs = given.latencyMs ?? 0
    if (typeof latencyMs !== 'number' || !(latencyMs >= 0 && latencyMs <= LATENCY_MAX_MS))
      throw new BadFault(`latencyMs is not from 0 to ${LATENCY_MAX_MS}`)
    const fault: Fault = {
      provider,
      mode: oneOf(MODES, given.mode, 'mode', 'ok'),
      latencyMs,
      code: String(given.code ?? ''),
      receipts: oneOf(RECEIPTS, given.receipts, 'receipts', 'normal'),
    }
    this.#byProvider.set(provider, fault)
    return fault
  }
}
