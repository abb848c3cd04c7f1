/**
 * Runs the plan against providers that follow a script, on a clock of its own:
 * what the sender, the timers and the webhooks do, without a network.
 */
import { getAttempt, isOpen, type Notification, newNotification, type Priority } from '../notification.ts'
import { decide, PLAN_LIMITS, type PlanLimits, type Step } from '../plan.ts'
import type { SendResult } from '../provider.ts'
import {
  applyReceipt,
  endAsSent,
  endAttempt,
  giveUp,
  markLate,
  nextRound,
  resumeAttempt,
  settleAttempts,
  startAttempt,
} from '../transitions.ts'

/** What a provider does with one message. */
export type Reaction =
  | {
      readonly kind: 'receipt'
      readonly answerMs: number
      readonly afterMs: number
      readonly status: 'delivered' | 'failed'
    }
  | { readonly kind: 'silent'; readonly answerMs: number }
  | { readonly kind: 'refused'; readonly answerMs: number; readonly isPermanent: boolean }
  | { readonly kind: 'hangs' }
  /** The process dies in the middle: whether the message went out is not known. */
  | { readonly kind: 'crash' }

export interface World {
  readonly priority: Priority
  readonly steps: readonly Step[]
  /** Of the nth message that a provider gets; the last one repeats. */
  readonly react: (step: Step, nth: number) => Reaction
  readonly isCutOff?: (step: Step['provider'], nowMs: number) => boolean
  readonly quietUntilMs?: number
  readonly limits?: PlanLimits
}

export interface Told {
  readonly notification: Notification
  readonly atMs: number
}

export interface Run {
  readonly end: Notification
  readonly endMs: number
  /** The record as it was when it was put on record that it is late. */
  readonly late: Told | undefined
  readonly handovers: readonly { readonly step: Step; readonly atMs: number; readonly number: number }[]
}

export const START_MS = 1_700_000_000_000
/** How late the timers look. */
export const LOOK_MS = 200
const SEND_TIMEOUT_MS = 8_000
const LEASE_MS = 15_000
const STEPS_MAX = 5_000

const base = newNotification({
  id: 'n_planned',
  recipients: 'user',
  userId: 'user-1',
  channels: ['sms'],
  template: 'ride_update',
  templateVersion: 1,
  sealedData: '',
  priority: 'high',
  idempotencyKey: 'key',
  reportTo: 'test',
  correlationId: '',
  acceptedMs: START_MS,
})

interface Due {
  readonly atMs: number
  readonly number: number
  readonly status: 'delivered' | 'failed'
}

export function runPlan(world: World): Run {
  const { steps, react, isCutOff = () => false, quietUntilMs, limits = PLAN_LIMITS } = world
  let notification: Notification = { ...base, priority: world.priority }
  let nowMs = START_MS
  let late: Told | undefined
  const handovers: Run['handovers'][number][] = []
  const receipts: Due[] = []

  /** Time goes on; receipts arrive when they do. */
  function advanceTo(atMs: number): void {
    for (;;) {
      const next = receipts.filter((due) => due.atMs <= atMs).sort((one, two) => one.atMs - two.atMs)[0]
      if (next === undefined) break
      receipts.splice(receipts.indexOf(next), 1)
      const { number, status } = next
      notification = applyReceipt(notification, number, { status, atMs: next.atMs }) ?? notification
    }
    nowMs = Math.max(nowMs, atMs)
  }

  function handOver(number: number, step: Step, deadlineMs: number): void {
    const nth = handovers.filter((handover) => handover.step.provider === step.provider).length
    handovers.push({ step, atMs: nowMs, number })
    const reaction = react(step, nth)
    if (reaction.kind === 'crash') {
      // Nothing comes on record; the lease runs out.
      advanceTo(nowMs + LEASE_MS + LOOK_MS)
      return
    }
    const boundMs = Math.min(SEND_TIMEOUT_MS, Math.max(1, deadlineMs - nowMs))
    const answerMs = reaction.kind === 'hangs' ? Number.POSITIVE_INFINITY : reaction.answerMs
    const startedMs = nowMs
    const isTooSlow = answerMs >= boundMs
    advanceTo(nowMs + Math.min(answerMs, boundMs))
    let result: SendResult = { kind: 'accepted', providerId: `id-${number}` }
    if (isTooSlow) result = { kind: 'refused', code: 'timeout', isPermanent: false, detail: '' }
    else if (reaction.kind === 'refused')
      result = { kind: 'refused', code: 'NO', isPermanent: reaction.isPermanent, detail: '' }
    else if (reaction.kind === 'receipt')
      receipts.push({ atMs: startedMs + answerMs + reaction.afterMs, number, status: reaction.status })
    notification = endAttempt(notification, number, result, nowMs)
  }

  let isAtRest = false
  for (let count = 0; isOpen(notification) && !isAtRest; count += 1) {
    if (count > STEPS_MAX) throw new Error('the plan does not come to an end')
    notification = settleAttempts(notification, nowMs)
    const decision = decide({
      notification,
      nowMs,
      steps,
      quietUntilMs: quietUntilMs === undefined || quietUntilMs <= nowMs ? undefined : quietUntilMs,
      isCutOff: (provider) => isCutOff(provider, nowMs),
      limits,
    })
    switch (decision.kind) {
      case 'send': {
        const { step, deadlineMs } = decision
        notification = startAttempt(notification, {
          ...step,
          awaitsReceipt: step.hasReceipts,
          maskedRecipient: '*',
          recipientHash: '',
          nowMs,
          deadlineMs,
        })
        handOver(notification.attempts.length, step, deadlineMs)
        break
      }
      case 'resume': {
        const { number } = decision.attempt
        const { deadlineMs } = decision
        notification = resumeAttempt(notification, number, { nowMs, deadlineMs })
        handOver(number, { ...getAttempt(notification, number), hasReceipts: true }, deadlineMs)
        break
      }
      case 'wait':
        waitUntil(decision.untilMs)
        break
      case 'late':
        notification = markLate(notification, nowMs)
        late = { notification, atMs: nowMs }
        break
      case 'retry':
        notification = nextRound(notification, decision)
        waitUntil(decision.dueMs)
        break
      case 'sent':
        notification = endAsSent(notification)
        isAtRest = true
        break
      case 'failed':
        notification = giveUp(notification, decision.failure, nowMs)
    }
  }
  return { end: notification, endMs: nowMs, late, handovers }

  function waitUntil(untilMs: number): void {
    // A receipt that fails the attempt makes it due at once.
    const wakes = receipts.filter(({ atMs }) => atMs < untilMs).map(({ atMs }) => atMs)
    advanceTo(Math.min(untilMs, ...wakes) + LOOK_MS)
  }
}
