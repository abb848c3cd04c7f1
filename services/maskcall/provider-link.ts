/** A provider with its time-out and its circuit breaker. */
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel'
import type { MaskcallEvents } from './events.ts'
import type { OutgoingCall, PlaceResult, SpokenCall, VoiceProvider } from './voice-provider.ts'

export interface ProviderLinkOptions {
  readonly failuresMax: number
  readonly openMs: number
  /** A provider that has not answered by then hardly will, and somebody waits for his phone to ring. */
  readonly timeoutMs: number
  readonly events: MaskcallEvents
}

export interface Placement {
  readonly outcome: 'placed' | 'refused' | 'unavailable' | 'cut_off'
  readonly code: string
}

/** The code of one that was asked and has not answered in time. */
export const TIMED_OUT = 'timeout'

/** Errors of adapters carry a code; nothing else of them is told, as it may hold a number. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
}

/** Also where the adapter does not look at the signal. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(Object.assign(new Error('too slow'), { code: TIMED_OUT }))
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

export class ProviderLink {
  readonly provider: VoiceProvider
  readonly #timeoutMs: number
  readonly #openMs: number
  readonly #breaker
  #openUntilMs = 0

  constructor(provider: VoiceProvider, { failuresMax, openMs, timeoutMs, events }: ProviderLinkOptions) {
    const { name } = provider
    this.provider = provider
    this.#timeoutMs = timeoutMs
    this.#openMs = openMs
    this.#breaker = circuitBreaker(handleAll, {
      breaker: new ConsecutiveBreaker(failuresMax),
      halfOpenAfter: openMs,
    })
    events.breaker(name, 0)
    this.#breaker.onBreak(() => {
      this.#openUntilMs = Date.now() + this.#openMs
      events.breaker(name, 1)
    })
    this.#breaker.onHalfOpen(() => events.breaker(name, 0.5))
    this.#breaker.onReset(() => events.breaker(name, 0))
  }

  /** While it is, others are tried first; once its time is over, the next call is its trial. */
  get isCutOff(): boolean {
    const { state } = this.#breaker
    if (state === CircuitState.Open) return Date.now() < this.#openUntilMs
    return state !== CircuitState.Closed
  }

  async placeCall(call: OutgoingCall, timeoutMs: number): Promise<Placement> {
    return await this.#ask((signal) => this.provider.placeCall(call, signal), timeoutMs)
  }

  async announce(call: SpokenCall): Promise<Placement> {
    return await this.#ask((signal) => this.provider.announce(call, signal), this.#timeoutMs)
  }

  /** Never throws: what went wrong is the answer. */
  async #ask(ask: (signal: AbortSignal) => Promise<PlaceResult>, timeoutMs: number): Promise<Placement> {
    const signal = AbortSignal.timeout(Math.max(1, Math.floor(Math.min(timeoutMs, this.#timeoutMs))))
    try {
      const result = await this.#breaker.execute(() => untilAborted(ask(signal), signal))
      return result.kind === 'placed'
        ? { outcome: 'placed', code: '' }
        : { outcome: 'refused', code: result.code }
    } catch (error) {
      if (error instanceof BrokenCircuitError) return { outcome: 'cut_off', code: '' }
      return { outcome: 'unavailable', code: codeOf(error) }
    }
  }
}
