/**
 * The edge's side of the SOS lane: everybody's triggers go up one stream in
 * batches, and each is answered when its own legs have ended. A trigger that
 * the lane does not answer soon goes as a call of its own as well: both are the
 * same alert by its id, and the first answer counts.
 */
import type {
  ConnectRequest,
  ConnectResponse,
  LaneResult,
  LaneTrigger,
} from '@hushryd/gen/hushryd/sos/v1/lane.ts'
import { TriggerSosRequest, TriggerSosResponse } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import { type Clock, pause } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { backoffMs } from '@hushryd/kernel/loop.ts'
import { activeTraceId, activeTraceparent } from '@hushryd/kernel/tracing.ts'
import type { CallContext, LaneCall } from './bridge/call.ts'
import { Outgoing } from './outgoing.ts'

export const TRIGGER_METHOD = 'hushryd.sos.v1.SosService/TriggerSos'

export type OpenSosLane = (
  requests: AsyncIterable<ConnectRequest>,
  signal: AbortSignal,
) => AsyncIterable<ConnectResponse>

/** `call`: as a call of its own, because the lane was down or silent. */
export type SosWay = 'lane' | 'call'

export interface SosLaneOptions {
  readonly edgeId: string
  readonly open: OpenSosLane
  readonly clock: Clock
  readonly log: Log
  /** From the frame to the answer, whichever it is. */
  readonly onAnswered: (way: SosWay, durationMs: number, traceId: string | undefined) => void
}

/** The service answers within 0.4 s; a stream on which nothing comes for longer is taken for stuck. */
const PATIENCE_MS = 700
/** In a flood answers come later; nobody waits longer for a stream than this. */
const PATIENCE_MS_MAX = 5_000
const RECONNECT_BASE_MS = 50
const RECONNECT_MAX_MS = 1_000
const BATCH_MAX = 500
/** Triggers without answer. Past it they go as calls. */
const PENDING_MAX = 50_000

interface Pending {
  readonly trigger: LaneTrigger
  readonly settle: (result: LaneResult) => void
}

export class SosLane {
  readonly #options: SosLaneOptions
  readonly #pending = new Map<number, Pending>()
  #batch: LaneTrigger[] = []
  #outgoing: Outgoing<ConnectRequest> | undefined
  #lastRef = 0
  #isFlushing = false
  /** When the lane last brought an answer to anybody. */
  #answeredMs = 0

  constructor(options: SosLaneOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return this.#outgoing !== undefined
  }

  /** For the bridge. */
  readonly call: LaneCall = async (request, context, ordinary) => {
    const startMs = performance.now()
    let way: SosWay = 'lane'
    const asCall = (): Promise<Uint8Array> => {
      way = 'call'
      return ordinary()
    }
    try {
      return await this.#call(request, context, asCall)
    } finally {
      this.#options.onAnswered(way, performance.now() - startMs, activeTraceId())
    }
  }

  async #call(
    request: Uint8Array,
    { caller, signal }: CallContext,
    ordinary: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const isRoom = this.#pending.size < PENDING_MAX
    if (!this.isUp || !isRoom || caller.kind !== 'user') return await ordinary()
    const { alertId, tripId, bookingId, location } = decode(request)
    const result = await this.#raise(
      {
        userId: caller.userId,
        role: caller.role,
        alertId,
        tripId,
        bookingId,
        location,
        receivedAt: this.#options.clock.nowMs(),
        traceparent: activeTraceparent(),
      },
      signal,
    )
    return result === undefined ? await ordinary() : encode(result)
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    for (let failures = 0; !signal.aborted; failures += 1) {
      const startedMs = clock.nowMs()
      try {
        await this.#connect(signal)
      } catch (error) {
        if (signal.aborted) return
        if (failures % 20 === 0)
          log.warn({ err: error, failures }, 'the SOS lane is lost; alerts go as calls')
      }
      if (clock.nowMs() - startedMs > RECONNECT_MAX_MS) failures = 0
      const options = { baseMs: RECONNECT_BASE_MS, maxMs: RECONNECT_MAX_MS, random: Math.random }
      await pause(clock, backoffMs(failures, options), signal)
    }
  }

  /** Undefined where no answer comes in time, or the caller is gone. */
  #raise(
    trigger: Omit<LaneTrigger, 'ref'>,
    signal: AbortSignal | undefined,
  ): Promise<LaneResult | undefined> {
    const { clock } = this.#options
    this.#lastRef += 1
    const ref = this.#lastRef
    return new Promise((resolve) => {
      const finish = (result: LaneResult | undefined): void => {
        timer.cancel()
        signal?.removeEventListener('abort', giveUp)
        this.#pending.delete(ref)
        resolve(result)
      }
      const giveUp = (): void => finish(undefined)
      const startMs = clock.nowMs()
      const look = (): void => {
        const nowMs = clock.nowMs()
        const isFlowing = nowMs - this.#answeredMs < PATIENCE_MS
        if (isFlowing && nowMs - startMs < PATIENCE_MS_MAX) timer = clock.setTimer(look, PATIENCE_MS)
        else giveUp()
      }
      let timer = clock.setTimer(look, PATIENCE_MS)
      signal?.addEventListener('abort', giveUp)
      const whole = { ...trigger, ref }
      this.#pending.set(ref, { trigger: whole, settle: finish })
      this.#send(whole)
    })
  }

  /** What comes in one turn of the loop goes up together. */
  #send(trigger: LaneTrigger): void {
    this.#batch.push(trigger)
    if (!this.#isFlushing) setImmediate(() => this.#flush())
    this.#isFlushing = true
  }

  #flush(): void {
    const batch = this.#batch
    this.#batch = []
    this.#isFlushing = false
    // While there is no stream they stay pending, and the next one begins with them.
    this.#push(batch)
  }

  #push(triggers: readonly LaneTrigger[]): void {
    for (let start = 0; start < triggers.length; start += BATCH_MAX)
      this.#outgoing?.push({ edgeId: '', triggers: triggers.slice(start, start + BATCH_MAX) })
  }

  /** The service has greeted: what an earlier stream left without answer goes first. */
  #restart(outgoing: Outgoing<ConnectRequest>): void {
    this.#outgoing = outgoing
    // Those that still gather are among them.
    this.#batch = []
    this.#push([...this.#pending.values()].map(({ trigger }) => trigger))
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { edgeId, open, clock } = this.#options
    const stream = new AbortController()
    const outgoing = new Outgoing<ConnectRequest>()
    const end = (): void => stream.abort()
    signal.addEventListener('abort', end, { once: true })
    try {
      outgoing.push({ edgeId, triggers: [] })
      for await (const { results } of open(outgoing, stream.signal)) {
        if (!this.isUp) this.#restart(outgoing)
        if (results.length > 0) this.#answeredMs = clock.nowMs()
        for (const result of results) this.#pending.get(result.ref)?.settle(result)
      }
    } finally {
      signal.removeEventListener('abort', end)
      stream.abort()
      outgoing.end()
      this.#outgoing = undefined
    }
  }
}

function decode(request: Uint8Array): TriggerSosRequest {
  try {
    return TriggerSosRequest.decode(request)
  } catch (error) {
    throw new DomainError(ErrorReason.ERROR_REASON_MALFORMED, 'The request could not be decoded.', {
      cause: error,
    })
  }
}

function encode({ error, alertId, status, legs, triggeredAt }: LaneResult): Uint8Array {
  if (error !== undefined) {
    const { reason, message, retryAfterMs } = error
    throw new DomainError(reason, message, { retryAfterMs })
  }
  return TriggerSosResponse.encode({ alertId, status, legs, triggeredAt }).finish()
}
