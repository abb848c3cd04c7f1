/**
 * Takes alerts in, from the lane and from single calls alike: folds repeats
 * together by their id, starts the four legs at once, and answers when all of
 * them have ended or the answer's time is over, whichever is first.
 */
import type { Clock, Timer } from '@hushryd/kernel/clock.ts'
import { type EscalationTimes, LEGS, type Leg, type LegState, raise, type Trigger } from './alert.ts'
import { startAlertSpan, writeLegSpan } from './alert-trace.ts'
import { type Answer, duplicateId, Entry, notTaken, type Waiter } from './entry.ts'
import { LegQueue, type LegQueueOptions } from './leg-queue.ts'
import type { Recent } from './recent.ts'

export type LegWork = Pick<LegQueueOptions, 'attempt' | 'backUp'>

export interface IntakeEvents {
  raised(): void
  folded(): void
  answered(how: 'all_done' | 'queued' | 'early' | 'existing' | 'refused' | 'not_taken'): void
  legEnded(leg: Leg, outcome: 'done' | 'backup' | 'failed', durationMs: number, traceId?: string): void
}

export interface IntakeOptions {
  readonly legs: Readonly<Record<Leg, LegWork>>
  readonly recent: Recent
  readonly times: EscalationTimes
  /** From the trigger's receipt to its answer. */
  readonly answerMs: number
  readonly clock: Clock
  readonly monotonicMs: () => number
  readonly events: IntakeEvents
  readonly onLegFailed: LegQueueOptions['onFailed']
  /** All legs have ended, well or not. */
  readonly onEnded: (entry: Entry) => void
}

interface LegEnd {
  readonly leg: Leg
  readonly outcome: 'done' | 'backup' | 'failed'
  readonly tookMs: number
}

/** Alerts with open legs. Past it this process takes no more; another one, or the next try, does. */
const ENTRIES_MAX = 200_000
/** What a leg with a backup may take of the answer's time; the rest is the backup's. */
const ATTEMPTS_SHARE = 0.6
/** A batch that the database takes slowly is not given up for the next try, which would only make it slower. */
const DATABASE_MS = 2_000
const SWEEP_MS = 10
/** Nothing waits longer to be stored: the next try may meet another process. */
const LATE_MS_MAX = 5_000

export class Intake {
  readonly #options: IntakeOptions
  readonly #queues: Readonly<Record<Leg, LegQueue>>
  readonly #entries = new Map<string, Entry>()
  /** In the order in which their time ends, since all have the same. */
  readonly #waiters = new Set<Waiter>()
  #sweep: Timer | undefined

  constructor(options: IntakeOptions) {
    const { legs, clock, answerMs, onLegFailed } = options
    this.#options = options
    const queue = (leg: Leg): LegQueue =>
      new LegQueue({
        ...legs[leg],
        leg,
        clock,
        budgetMs: leg === 'database' ? Math.max(DATABASE_MS, answerMs) : answerMs * ATTEMPTS_SHARE,
        onSettled: (entries, which, state) => this.#settleAll(entries, which, state),
        onFailed: onLegFailed,
      })
    this.#queues = {
      stream: queue('stream'),
      database: queue('database'),
      admin: queue('admin'),
      contacts: queue('contacts'),
    }
  }

  get inFlight(): number {
    return this.#entries.size
  }

  isInFlight(alertId: string): boolean {
    return this.#entries.has(alertId)
  }

  /** Answers once, soon and never by throwing. */
  raise(trigger: Trigger, answer: (answer: Answer) => void): void {
    const { events, recent, times, monotonicMs } = this.#options
    const held = this.#entries.get(trigger.alertId)
    if (held !== undefined) {
      if (held.alert.userId !== trigger.userId) {
        this.#count('refused')
        answer({ kind: 'refused', error: duplicateId() })
        return
      }
      events.folded()
      this.#wait(held, answer)
      return
    }
    if (this.#entries.size >= ENTRIES_MAX) {
      this.#count('not_taken')
      answer({ kind: 'refused', error: notTaken() })
      return
    }
    events.raised()
    const span = startAlertSpan(trigger)
    const own = span === undefined ? trigger : { ...trigger, traceparent: span.traceparent }
    const entry = new Entry(raise(own, times), monotonicMs(), span)
    this.#entries.set(trigger.alertId, entry)
    this.#wait(entry, answer)
    // What this process has done for it minutes ago is not done again; how it stands, the database knows.
    const isRepeat = recent.isOf(trigger.alertId, trigger.userId)
    for (const leg of LEGS) {
      if (isRepeat && leg !== 'database') entry.settle(leg, 'DONE')
      else this.#queues[leg].add(entry)
    }
  }

  /** Resolves once no leg of any alert is under way. */
  async idle(): Promise<void> {
    await Promise.all(LEGS.map((leg) => this.#queues[leg].idle()))
  }

  #count(how: Parameters<IntakeEvents['answered']>[0]): void {
    this.#options.events.answered(how)
  }

  #settleAll(entries: readonly Entry[], leg: Leg, state: LegState): void {
    const atMs = this.#options.monotonicMs()
    const outcome = state === 'DONE' ? 'done' : state === 'QUEUED' ? 'backup' : 'failed'
    for (const entry of entries) {
      this.#noteLegEnd(entry, { leg, outcome, tookMs: atMs - entry.startMs })
      this.#settle(entry, leg, state)
    }
  }

  #noteLegEnd({ span }: Entry, { leg, outcome, tookMs }: LegEnd): void {
    const { events, clock } = this.#options
    events.legEnded(leg, outcome, tookMs, span?.traceId)
    if (span !== undefined) writeLegSpan(span, { leg, outcome, startMs: clock.nowMs() - tookMs })
  }

  #settle(entry: Entry, leg: Leg, state: LegState): void {
    const { recent, onEnded } = this.#options
    if (!entry.settle(leg, state)) {
      if (entry.isDurable) this.#answerLate(entry)
      return
    }
    const { alertId, userId } = entry.alert
    this.#entries.delete(alertId)
    if (entry.isComplete && entry.earlier === undefined) recent.add(alertId, userId)
    this.#answer(entry, entry.answer())
    entry.span?.end(entry.isComplete ? undefined : 'INCOMPLETE')
    onEnded(entry)
  }

  #wait(entry: Entry, answer: (answer: Answer) => void): void {
    const { clock, answerMs } = this.#options
    const waiter: Waiter = { entry, answer, untilMs: clock.nowMs() + answerMs, isLate: false }
    this.#waiters.add(waiter)
    entry.waiting.push(waiter)
    this.#sweep ??= clock.setTimer(() => this.#sweepLate(), SWEEP_MS)
  }

  #answer(entry: Entry, answer: Answer): void {
    if (answer.kind === 'refused') this.#count(entry.isDurable ? 'refused' : 'not_taken')
    else if (entry.earlier !== undefined) this.#count('existing')
    else this.#count(entry.isComplete ? 'all_done' : 'queued')
    for (const waiter of entry.waiting.splice(0)) if (this.#waiters.delete(waiter)) waiter.answer(answer)
  }

  #answerEarly(waiter: Waiter): void {
    const { entry } = waiter
    this.#waiters.delete(waiter)
    if (!entry.isStored) entry.isAnsweredEarly = true
    this.#count(entry.isDurable ? 'early' : 'not_taken')
    waiter.answer(entry.answer())
  }

  /** It is safe now: those whose time is over hear so at once. */
  #answerLate(entry: Entry): void {
    for (const waiter of entry.waiting)
      if (waiter.isLate && this.#waiters.has(waiter)) this.#answerEarly(waiter)
  }

  /** Those whose time is over are told how it stands; the legs go on. */
  #sweepLate(): void {
    const { clock } = this.#options
    this.#sweep = undefined
    const nowMs = clock.nowMs()
    for (const waiter of this.#waiters) {
      if (waiter.untilMs > nowMs) break
      const { entry, untilMs } = waiter
      waiter.isLate = true
      const isWorthWaiting = !entry.isDurable && entry.mayBecomeDurable && nowMs < untilMs + LATE_MS_MAX
      if (!isWorthWaiting) this.#answerEarly(waiter)
    }
    if (this.#waiters.size > 0) this.#sweep = clock.setTimer(() => this.#sweepLate(), SWEEP_MS)
  }
}
