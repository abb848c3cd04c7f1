/** A provider with what keeps it and us safe from each other: a gate, a time-out, a circuit breaker. */
import { type Clock, systemClock } from '@hushryd/kernel/clock.ts'
import { traced } from '@hushryd/kernel/tracing.ts'
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
} from 'cockatiel'
import type { NotifyEvents } from './events.ts'
import { Gate } from './gate.ts'
import type { Priority } from './notification.ts'
import type { OutgoingMessage, Provider, SendResult } from './provider.ts'

export interface ProviderLinkOptions {
  readonly concurrencyMax: number
  readonly ratePerSecond: number
  readonly failuresMax: number
  readonly openMs: number
  readonly events: NotifyEvents
  readonly clock?: Clock
}

export interface Breaker {
  /** `trying`: its time is over, and a message that gets through closes it. */
  readonly state: 'closed' | 'trying' | 'open'
  readonly sinceMs: number
}

export type Handover = SendResult & { readonly outcome: 'accepted' | 'refused' | 'unavailable' | 'cut_off' }

/** A provider that has not answered by then hardly will. */
export const SEND_TIMEOUT_MS = 8_000

function failed(outcome: 'unavailable' | 'cut_off', code: string): Handover {
  return { kind: 'refused', outcome, code, isPermanent: false, detail: '' }
}

/** Errors of adapters carry a code; nothing else of them is told, as it may hold the recipient. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'UNAVAILABLE'
}

/** Also where the adapter does not look at the signal. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(Object.assign(new Error('too slow'), { code: 'timeout' }))
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

export class ProviderLink {
  readonly provider: Provider
  readonly #gate: Gate
  readonly #clock: Clock
  readonly #breaker: CircuitBreakerPolicy
  #openUntilMs = 0
  #brokeMs = 0
  #closedSinceMs: number

  constructor(provider: Provider, options: ProviderLinkOptions) {
    const { concurrencyMax, ratePerSecond, failuresMax, openMs, events, clock = systemClock } = options
    const { name } = provider
    this.provider = provider
    this.#clock = clock
    this.#closedSinceMs = clock.nowMs()
    this.#gate = new Gate({ concurrencyMax, ratePerSecond, clock })
    this.#breaker = circuitBreaker(handleAll, {
      breaker: new ConsecutiveBreaker(failuresMax),
      halfOpenAfter: openMs,
    })
    events.breaker(name, 0)
    this.#breaker.onBreak(() => {
      this.#brokeMs = clock.nowMs()
      this.#openUntilMs = this.#brokeMs + openMs
      events.breaker(name, 1)
    })
    this.#breaker.onHalfOpen(() => events.breaker(name, 0.5))
    this.#breaker.onReset(() => {
      this.#closedSinceMs = clock.nowMs()
      events.breaker(name, 0)
    })
  }

  /** While it is, other providers are tried; once its time is over, the next message is its trial. */
  get isCutOff(): boolean {
    const { state } = this.#breaker
    if (state === CircuitState.Open) return this.#clock.nowMs() < this.#openUntilMs
    return state !== CircuitState.Closed
  }

  get breaker(): Breaker {
    const { state } = this.#breaker
    if (state === CircuitState.Closed) return { state: 'closed', sinceMs: this.#closedSinceMs }
    if (state === CircuitState.Open && this.#clock.nowMs() < this.#openUntilMs)
      return { state: 'open', sinceMs: this.#brokeMs }
    return { state: 'trying', sinceMs: this.#openUntilMs }
  }

  enter(priority: Priority, waitMs: number): Promise<(() => void) | undefined> {
    return this.#gate.enter(priority, waitMs)
  }

  /** Never throws: what went wrong is the answer. */
  async send(message: OutgoingMessage, timeoutMs: number): Promise<Handover> {
    const { name, channel } = this.provider
    const attributes = { 'hushryd.provider': name, 'hushryd.channel': channel }
    return await traced('send', { kind: 'client', attributes }, async (span) => {
      const handover = await this.#send(message, timeoutMs)
      span?.note({ 'hushryd.outcome': handover.outcome })
      return handover
    })
  }

  async #send(message: OutgoingMessage, timeoutMs: number): Promise<Handover> {
    // It takes whole milliseconds only.
    const signal = AbortSignal.timeout(Math.ceil(Math.max(1, Math.min(timeoutMs, SEND_TIMEOUT_MS))))
    try {
      const result = await this.#breaker.execute(() =>
        untilAborted(this.provider.send(message, signal), signal),
      )
      return { ...result, outcome: result.kind }
    } catch (error) {
      if (error instanceof BrokenCircuitError) return failed('cut_off', 'CUT_OFF')
      return failed('unavailable', codeOf(error))
    }
  }
}
