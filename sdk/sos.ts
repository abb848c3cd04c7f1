/** The alerts of this client: raised, resumed after a reload, and told what happens to them. */
import type { Calls } from './calls.ts'
import { asHushrydError, type HushrydError, unavailable } from './error.ts'
import type { EventFrame } from './generated/types.ts'
import type { Message } from './message-codec.ts'
import type { Method } from './method.ts'
import type { OpenWait } from './open-wait.ts'
import { isWithin } from './position.ts'
import type { Runtime } from './runtime.ts'
import { SosAlert, type SosHandle, type SosRequest } from './sos-alert.ts'
import { SosOutbox } from './sos-outbox.ts'
import type { SosStore } from './sos-store.ts'
import { uuidOf } from './uuid.ts'

/** A socket that does not answer by then may be dead without knowing it. */
const SOCKET_TIMEOUT_MS = 3_000
const REST_TIMEOUT_MS = 5_000

/** All may be left out: an alert without a place is an alert. */
export interface RaiseSos {
  readonly tripId?: string | undefined
  readonly bookingId?: string | undefined
  readonly location?:
    | { readonly lat: number; readonly lng: number; readonly accuracy?: number | null | undefined }
    | undefined
}

export interface SosOptions {
  readonly runtime: Runtime
  readonly endpoints: readonly string[]
  readonly calls: Calls
  readonly openWait: OpenWait
  readonly store: SosStore
}

export class Sos {
  readonly #options: SosOptions
  readonly #outbox: SosOutbox
  readonly #alerts = new Map<string, SosAlert>()
  /** Alerts without an answer. */
  readonly #pending = new Set<string>()
  #endpoint = 0

  constructor(options: SosOptions) {
    this.#options = options
    this.#outbox = new SosOutbox(options.store, options.runtime)
  }

  /** A second tap while the first alert of the trip waits for its answer is the same alert. */
  raise({ tripId, bookingId, location }: RaiseSos): SosHandle {
    for (const alert of this.#alerts.values()) {
      if (this.#pending.has(alert.alertId) && alert.tripId === tripId) return alert
    }
    const alertId = uuidOf(this.#options.runtime.randomBytes(16))
    return this.#start({ alertId, tripId, bookingId, location: usable(location) }, (request) =>
      this.#outbox.add(request),
    )
  }

  /** Takes up what an earlier run of the app could not deliver. */
  async resume(): Promise<SosHandle[]> {
    const requests = await this.#outbox.list()
    return requests.map(
      (request) => this.#alerts.get(request.alertId) ?? this.#start(request, async () => {}),
    )
  }

  onOpen(): void {
    for (const id of this.#pending) this.#alerts.get(id)?.wake()
  }

  onEvent(event: EventFrame): void {
    const id = event.data?.alertId
    if (event.type.startsWith('sos.') && typeof id === 'string') this.#alerts.get(id)?.onEvent(event)
  }

  #start(request: SosRequest, store: (request: SosRequest) => Promise<void>): SosHandle {
    const { alertId } = request
    this.#pending.add(alertId)
    const alert = new SosAlert({
      runtime: this.#options.runtime,
      request,
      store: () => store(request),
      ask: (method, message) => this.#ask(method, { ...message }),
      onSettled: () => {
        this.#pending.delete(alertId)
        void this.#outbox.remove(alertId)
      },
    })
    this.#alerts.set(alertId, alert)
    return alert
  }

  /** The socket first, which is there and fast; then each edge by REST. The first answer of any counts. */
  async #ask(method: Method, request: Message): Promise<unknown> {
    const { calls, openWait, endpoints } = this.#options
    let failure: HushrydError = unavailable('No edge can be reached.')
    if (openWait.isOpen) {
      try {
        return await calls.overSocket(method, request, { timeoutMs: SOCKET_TIMEOUT_MS })
      } catch (error) {
        failure = asHushrydError(error)
        if (isFinal(failure)) throw failure
      }
    }
    for (const _ of endpoints) {
      const endpoint = endpoints[this.#endpoint % endpoints.length] ?? ''
      try {
        return await calls.overRest(method, request, { timeoutMs: REST_TIMEOUT_MS }, endpoint)
      } catch (error) {
        failure = asHushrydError(error)
        if (isFinal(failure)) throw failure
        this.#endpoint += 1
      }
    }
    throw failure
  }
}

/** Another edge would say the same. */
function isFinal({ isRetryable, reason }: HushrydError): boolean {
  return !isRetryable && reason !== ''
}

/** A place that makes no sense is left out: the alert matters more. */
function usable(location: RaiseSos['location']): SosRequest['location'] {
  if (location === undefined || !isWithin(location.lat, 90) || !isWithin(location.lng, 180)) return undefined
  return { lat: location.lat, lng: location.lng, accuracy: location.accuracy ?? 0 }
}
