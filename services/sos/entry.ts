/**
 * An alert on its way through its four legs, and whoever waits for the answer.
 * Pure: the intake moves it on.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { TraceSpan } from '@hushryd/kernel/tracing.ts'
import { type Alert, type Leg, type LegState, type Legs, personStatus, type Status } from './alert.ts'

/** An alert as the database has it, with how far its legs are. */
export interface StoredAlert {
  readonly alert: Alert
  readonly legs: Legs
}

export interface Accepted {
  readonly kind: 'accepted'
  readonly alertId: string
  /** As the person sees it. */
  readonly status: Status
  readonly legs: Legs
  readonly triggeredMs: number
}

export type Answer = Accepted | { readonly kind: 'refused'; readonly error: DomainError }

/** Whoever is to hear how it stands: the first trigger, and each repeat meanwhile. */
export interface Waiter {
  readonly entry: Entry
  readonly answer: (answer: Answer) => void
  readonly untilMs: number
  /** The time is over, but not the turn of stream and database: in a flood an alert waits rather than being refused. */
  isLate: boolean
}

/** The group commit by which the database got it. */
export interface StoredBatch {
  readonly id: string
  /** Its alerts that have open legs. */
  openAlerts: number
  readonly failed: Entry[]
}

const RETRY_AFTER_MS = 500

export class Entry {
  readonly alert: Alert
  /** By the monotonic clock. */
  readonly startMs: number
  readonly span: TraceSpan | undefined
  readonly outcomes: Partial<Record<Leg, LegState>> = {}
  openLegs = 4
  /** Set where the database had it before. */
  earlier: StoredAlert | undefined
  batch: StoredBatch | undefined
  /** An answer has gone out that did not say that the database has it. */
  isAnsweredEarly = false
  readonly waiting: Waiter[] = []

  constructor(alert: Alert, startMs: number, span?: TraceSpan) {
    this.alert = alert
    this.startMs = startMs
    this.span = span
  }

  /** Answers whether that was the last open leg. */
  settle(leg: Leg, state: LegState): boolean {
    if (this.outcomes[leg] !== undefined) throw new Error(`the leg ${leg} has ended before`)
    this.outcomes[leg] = state
    this.openLegs -= 1
    return this.openLegs === 0
  }

  get isStored(): boolean {
    return this.outcomes.database === 'DONE'
  }

  /** A crash of this process loses nothing: what is not done yet will be. */
  get isDurable(): boolean {
    return this.isStored || this.outcomes.stream === 'DONE'
  }

  /** Stream or database still have their turn. */
  get mayBecomeDurable(): boolean {
    return this.outcomes.stream === undefined || this.outcomes.database === undefined
  }

  get isComplete(): boolean {
    const { stream, database, admin, contacts } = this.outcomes
    return stream === 'DONE' && database === 'DONE' && admin === 'DONE' && contacts === 'DONE'
  }

  get #isAnothers(): boolean {
    return this.earlier !== undefined && this.earlier.alert.userId !== this.alert.userId
  }

  legs(): Legs {
    const stateOf = (leg: Leg): LegState => {
      const state = this.outcomes[leg] ?? 'QUEUED'
      if (state === 'DONE' || state === 'NONE') return state
      return this.isDurable ? 'QUEUED' : 'FAILED'
    }
    return {
      stream: stateOf('stream'),
      database: stateOf('database'),
      admin: stateOf('admin'),
      contacts: stateOf('contacts'),
    }
  }

  answer(): Answer {
    if (this.#isAnothers) return { kind: 'refused', error: duplicateId() }
    const { earlier } = this
    if (earlier !== undefined) return accepted(earlier.alert, earlier.legs)
    if (!this.isDurable) return { kind: 'refused', error: notTaken() }
    return accepted(this.alert, this.legs())
  }
}

function accepted(alert: Alert, legs: Legs): Accepted {
  const { alertId, receivedMs } = alert
  return { kind: 'accepted', alertId, status: personStatus(alert), legs, triggeredMs: receivedMs }
}

/** The id names another person's alert; nothing else about it is told. */
export function duplicateId(): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_DUPLICATE_ID, 'This alert id is taken.')
}

export function notTaken(): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_UNAVAILABLE,
    'The alert could not be stored yet; send it again with the same id.',
    { retryAfterMs: RETRY_AFTER_MS },
  )
}
