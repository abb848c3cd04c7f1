/**
 * The log of calls, and what each change of it brings with it: the line is
 * kept or freed, the two are told, and operations too, now or, where NATS is
 * away, by the sweep.
 */
import type { Announcer } from './announcer.ts'
import { addReport, type Call, type CallReport, closeCall, isCarried, isOver, resultOf } from './call.ts'
import {
  type CallRecord,
  isTalking,
  newRecord,
  recordCall,
  recordSilence,
  recordStart,
  recordTold,
} from './call-record.ts'
import type { CallStore } from './call-store.ts'
import type { MaskcallEvents } from './events.ts'
import type { SessionStore } from './session-store.ts'
import type { ProviderName } from './voice-provider.ts'

export interface CallLogParts {
  readonly store: CallStore
  readonly sessions: Pick<SessionStore, 'freeLine' | 'extendLine'>
  readonly announcer: Announcer
  readonly events: MaskcallEvents
  /** The longest that a call may last. */
  readonly callMaxMs: number
  readonly nowMs: () => number
}

export type Reported = 'taken' | 'unknown_call' | 'other_provider'

export class CallLog {
  readonly #parts: CallLogParts

  constructor(parts: CallLogParts) {
    this.#parts = parts
  }

  /** False where the id is taken: the same call was begun before. */
  async begin(call: Call, lostMs: number): Promise<boolean> {
    return await this.#parts.store.insert(newRecord(call, lostMs))
  }

  async find(id: string): Promise<Call | undefined> {
    return (await this.#parts.store.find(id))?.call
  }

  /** False where the provider before it has begun with the call after all, although its answer said nothing of it. */
  async handTo(id: string, provider: ProviderName): Promise<boolean> {
    const changed = await this.#parts.store.change(id, (record) =>
      isCarried(record.call) ? record : { ...record, call: { ...record.call, provider } },
    )
    return changed !== undefined && !isCarried(changed.after.call)
  }

  async isCarried(id: string): Promise<boolean> {
    const call = await this.find(id)
    return call !== undefined && isCarried(call)
  }

  /** A provider has it. */
  async started(id: string): Promise<void> {
    await this.#change(id, (record) => recordStart(record, this.#parts.nowMs()))
  }

  async close(id: string, why: 'not_placed' | 'lost'): Promise<void> {
    const limits = this.#limits()
    await this.#change(id, (record) => recordCall(record, closeCall(record.call, why, limits.nowMs), limits))
  }

  async report(id: string, from: ProviderName, reports: readonly CallReport[]): Promise<Reported> {
    const known = await this.find(id)
    if (known === undefined) return 'unknown_call'
    // Of a provider that was given up although it had taken the call.
    if (known.provider !== from) return 'other_provider'
    const limits = this.#limits()
    await this.#change(id, (record) => recordCall(record, reports.reduce(addReport, record.call), limits))
    return 'taken'
  }

  /** The sweep's work, which may be done twice. */
  async settleDue({ call: { id, sessionId } }: CallRecord): Promise<void> {
    const limits = this.#limits()
    const after = await this.#change(id, (record) => recordSilence(record, limits))
    if (after === undefined) return
    // The process that ended it may have died before it freed the line, or told anyone.
    if (isOver(after.call)) await this.#parts.sessions.freeLine(sessionId, id)
    await this.#tell(after)
  }

  #limits() {
    return { nowMs: this.#parts.nowMs(), callMaxMs: this.#parts.callMaxMs }
  }

  async #change(id: string, decide: (record: CallRecord) => CallRecord): Promise<CallRecord | undefined> {
    const { store, sessions, announcer, events } = this.#parts
    const changed = await store.change(id, decide)
    if (changed === undefined) return undefined
    const { before, after } = changed
    const { sessionId } = after.call
    const result = resultOf(after.call)
    if (result !== undefined && !isOver(before.call)) {
      await sessions.freeLine(sessionId, id)
      events.callEnded(after.call, result)
    } else if (isTalking(after.call) && !isTalking(before.call)) {
      await sessions.extendLine(sessionId, id, after.lostMs)
    }
    for (const announcement of after.raised.slice(before.raised.length))
      announcer.tellPeople(after.call, announcement)
    // Who raised the first of what is untold tells the rest as well; where that one died, the sweep does.
    if (before.untold.length === 0) await this.#tell(after)
    return after
  }

  /** Tells operations, in order, and what is raised meanwhile too. */
  async #tell({ call, untold }: CallRecord): Promise<void> {
    const { store, announcer, events, nowMs } = this.#parts
    const [announcement] = untold
    if (announcement === undefined) return
    try {
      await announcer.tellOperations(call, announcement)
    } catch (error) {
      events.untold(call, error)
      return
    }
    const changed = await store.change(call.id, (record) => recordTold(record, announcement, nowMs()))
    if (changed !== undefined) await this.#tell(changed.after)
  }
}
