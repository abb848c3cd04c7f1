/**
 * Decides what is tried when.
 *
 * Pure: callers supply the time and do the sending, so that the whole plan can
 * be property-tested without a clock or a network.
 *
 * A round walks through the steps, which are a channel's providers and, at high
 * priority, those of the channels that stand in for it. A step that was refused
 * or whose receipt stays away is followed at once by the next; when a round is
 * through, the next begins after a pause that doubles. At high priority all
 * steps of the first round fit into the budget.
 */
import { partitionOf } from '@hushryd/kernel/partition.ts'
import type { Attempt, Notification, Priority } from './notification.ts'
import type { Channel, ProviderName } from './provider.ts'

export interface Step {
  readonly channel: Channel
  readonly provider: ProviderName
  readonly hasReceipts: boolean
}

/** By priority: high is told apart, normal and low have one table. */
export interface PriorityLimits {
  /** From the hand-over until a receipt has to be there. */
  readonly receiptMs: Readonly<Record<Channel, number>>
  readonly roundsMax: number
  readonly pauseMs: number
  readonly pauseMaxMs: number
  /** Copies that one provider may send of a message that it took without ever giving a receipt. */
  readonly copiesMax: number
}

export interface PlanLimits {
  /** Within it a message of high priority has arrived, or a failure is on record with a retry scheduled. */
  readonly budgetMs: number
  readonly high: PriorityLimits
  readonly other: PriorityLimits
  /** How long a provider keeps the message that it took before it gets another copy; doubles with each. */
  readonly resendAfterMs: number
}

export const PLAN_LIMITS: PlanLimits = {
  budgetMs: 60_000,
  high: {
    receiptMs: { sms: 15_000, whatsapp: 12_000, push: 5_000, email: 15_000 },
    // 2, 4, 8 s … at most 5 minutes: about 23 minutes in all.
    roundsMax: 12,
    pauseMs: 2_000,
    pauseMaxMs: 300_000,
    copiesMax: 3,
  },
  other: {
    // A phone may be out of reach for minutes; a second SMS costs money and nerves.
    receiptMs: { sms: 180_000, whatsapp: 300_000, push: 30_000, email: 600_000 },
    // 30, 60, 120 s … at most half an hour: about two hours in all.
    roundsMax: 10,
    pauseMs: 30_000,
    pauseMaxMs: 1_800_000,
    copiesMax: 1,
  },
  resendAfterMs: 60_000,
}

export type Decision =
  | { readonly kind: 'send'; readonly step: Step; readonly deadlineMs: number }
  /** A crash has left the attempt open: hand it over again. */
  | { readonly kind: 'resume'; readonly attempt: Attempt; readonly deadlineMs: number }
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** The budget is over: put it on record, then decide again. */
  | { readonly kind: 'late' }
  /** The next round begins at `atMs`; at `dueMs`, which may be earlier, the end of the budget is to be noticed. */
  | { readonly kind: 'retry'; readonly round: number; readonly atMs: number; readonly dueMs: number }
  /** A provider has it, and nothing more will be known. */
  | { readonly kind: 'sent' }
  | { readonly kind: 'failed'; readonly failure: string }

export interface PlanInput {
  /** Its attempts settled. */
  readonly notification: Notification
  readonly nowMs: number
  /** In the order of preference; empty where no channel has an address now, undefined where the directory is away. */
  readonly steps: readonly Step[] | undefined
  /** The end of the recipient's quiet hours, where it is one of them. */
  readonly quietUntilMs: number | undefined
  /** Whether the provider's circuit breaker keeps messages away. */
  readonly isCutOff: (provider: ProviderName) => boolean
  readonly limits: PlanLimits
}

/** Less than this is no chance for any provider. */
const SLOT_MS_MIN = 2_000

export function limitsOf(priority: Priority, { high, other }: PlanLimits): PriorityLimits {
  return priority === 'high' ? high : other
}

/** Spread over the upper half, by the id: many that failed together do not come back together. */
export function roundPauseMs({ id, priority }: Notification, round: number, limits: PlanLimits): number {
  const { pauseMs, pauseMaxMs } = limitsOf(priority, limits)
  const ceiling = Math.min(pauseMaxMs, pauseMs * 2 ** Math.min(round, 30))
  return Math.floor(ceiling * (0.5 + partitionOf(`${id}:${round}`, 1000) / 2000))
}

/** A replay begins anew: what was tried before it does not count. */
function attemptsOf({ attempts, run }: Notification): readonly Attempt[] {
  return attempts.filter((attempt) => attempt.run === run)
}

/** Infinity: never again. */
function allowedAtMs({ notification, limits }: PlanInput, step: Step): number {
  const own = attemptsOf(notification).filter(
    ({ channel, provider }) => channel === step.channel && provider === step.provider,
  )
  const copies = own.filter(({ status }) => status === 'no_receipt')
  const lastCopy = copies.at(-1)
  if (lastCopy !== undefined) {
    if (copies.length >= limitsOf(notification.priority, limits).copiesMax) return Number.POSITIVE_INFINITY
    return lastCopy.startedMs + limits.resendAfterMs * 2 ** (copies.length - 1)
  }
  // At high priority the address is looked up anew in each round, and one try too many harms nobody.
  const isBarred = notification.priority !== 'high' && own.at(-1)?.isPermanent === true
  return isBarred ? Number.POSITIVE_INFINITY : 0
}

function slotMs({ notification, nowMs, limits }: PlanInput, step: Step, stepsLeft: number): number {
  const receiptMs = limitsOf(notification.priority, limits).receiptMs[step.channel]
  const leftMs = notification.startMs + limits.budgetMs - nowMs
  if (notification.priority !== 'high' || leftMs <= 0) return receiptMs
  return Math.floor(Math.min(receiptMs, leftMs, Math.max(SLOT_MS_MIN, leftMs / stepsLeft)))
}

function end({ notification, steps }: PlanInput): Decision {
  const { priority } = notification
  const attempts = attemptsOf(notification)
  const isOutThere = attempts.some(({ status }) => status === 'no_receipt')
  if (isOutThere && priority !== 'high') return { kind: 'sent' }
  if (isOutThere) return { kind: 'failed', failure: 'NO_RECEIPT' }
  if (steps === undefined) return { kind: 'failed', failure: 'DIRECTORY_AWAY' }
  if (steps.length === 0) return { kind: 'failed', failure: 'NO_ADDRESS' }
  return { kind: 'failed', failure: attempts.at(-1)?.code ?? 'PROVIDERS_AWAY' }
}

export function decide(input: PlanInput): Decision {
  const { notification, nowMs, steps = [], quietUntilMs, isCutOff, limits } = input
  const { priority, startMs, round, roundMs, isLate } = notification
  const attempts = attemptsOf(notification)
  const isHigh = priority === 'high'
  const budgetEndMs = isHigh && !isLate ? startMs + limits.budgetMs : Number.POSITIVE_INFINITY
  if (nowMs >= budgetEndMs) return { kind: 'late' }
  const wait = (untilMs: number): Decision => ({ kind: 'wait', untilMs: Math.min(untilMs, budgetEndMs) })

  for (const attempt of attempts) {
    if (attempt.status === 'started')
      return {
        kind: 'resume',
        attempt,
        deadlineMs: nowMs + slotMs(input, { ...attempt, hasReceipts: true }, 1),
      }
    if (attempt.status === 'accepted')
      return attempt.awaitsReceipt ? wait(attempt.deadlineMs) : { kind: 'sent' }
  }
  if (!isHigh && quietUntilMs !== undefined) return wait(quietUntilMs)
  if (nowMs < roundMs) return wait(roundMs)

  const isTried = (step: Step): boolean =>
    attempts.some(
      (attempt) =>
        attempt.round === round && attempt.channel === step.channel && attempt.provider === step.provider,
    )
  const ready = steps.filter(
    (step) => !isTried(step) && allowedAtMs(input, step) <= nowMs && !isCutOff(step.provider),
  )
  const [next] = ready
  if (next !== undefined)
    return { kind: 'send', step: next, deadlineMs: nowMs + slotMs(input, next, ready.length) }

  // A person in danger without any address is looked up again: somebody may be entering it just now.
  const isLookedUpAgain = input.steps === undefined || (isHigh && steps.length === 0)
  const againMs = isLookedUpAgain ? 0 : Math.min(...steps.map((step) => allowedAtMs(input, step)))
  if (round + 1 >= limitsOf(priority, limits).roundsMax || againMs === Number.POSITIVE_INFINITY)
    return end(input)
  const atMs = Math.max(nowMs + roundPauseMs(notification, round, limits), againMs)
  return { kind: 'retry', round: round + 1, atMs, dueMs: Math.min(atMs, budgetEndMs) }
}
