import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, PLAN_LIMITS, type Step } from './plan.ts'
import { LOOK_MS, type Reaction, runPlan, START_MS } from './testing/planned-world.ts'

const ALL_STEPS: readonly Step[] = [
  { channel: 'sms', provider: 'twilio', hasReceipts: true },
  { channel: 'sms', provider: 'msg91', hasReceipts: true },
  { channel: 'whatsapp', provider: 'whatsapp', hasReceipts: true },
  { channel: 'push', provider: 'fcm', hasReceipts: false },
  { channel: 'email', provider: 'sendgrid', hasReceipts: true },
  { channel: 'email', provider: 'ses', hasReceipts: true },
]
const WITH_RECEIPTS = ALL_STEPS.filter(({ hasReceipts }) => hasReceipts)
const BUDGET_MS = PLAN_LIMITS.budgetMs

const answerMs = fc.nat(12_000)
const reaction: fc.Arbitrary<Reaction> = fc.oneof(
  fc.record({
    kind: fc.constant('receipt' as const),
    answerMs,
    afterMs: fc.nat(90_000),
    status: fc.constantFrom('delivered' as const, 'failed' as const),
  }),
  fc.record({ kind: fc.constant('silent' as const), answerMs }),
  fc.record({ kind: fc.constant('refused' as const), answerMs, isPermanent: fc.boolean() }),
  fc.constant({ kind: 'hangs' as const }),
  fc.constant({ kind: 'crash' as const }),
)
const script = fc.dictionary(
  fc.constantFrom(...ALL_STEPS.map(({ provider }) => provider)),
  fc.array(reaction, { minLength: 1, maxLength: 4 }),
)
const cuts = fc.array(
  fc.record({
    provider: fc.constantFrom(...ALL_STEPS.map(({ provider }) => provider)),
    fromMs: fc.nat(120_000),
    lengthMs: fc.nat(120_000),
  }),
  { maxLength: 4 },
)

function reactBy(scripts: Record<string, readonly Reaction[]>) {
  return (step: Step, nth: number): Reaction => {
    const reactions = scripts[step.provider] ?? []
    return reactions[Math.min(nth, reactions.length - 1)] ?? { kind: 'hangs' }
  }
}

const everyTime = (only: Reaction) => (): Reaction => only

describe('Property 4: Notification Delivery Guarantee', () => {
  it('for any notification of high priority: delivered by one channel within 60 s, or a failure on record with a retry scheduled', () => {
    fc.assert(
      fc.property(fc.subarray([...ALL_STEPS]), script, cuts, (steps, scripts, cutOffs) => {
        const run = runPlan({
          priority: 'high',
          steps,
          react: reactBy(scripts),
          isCutOff: (provider, nowMs) =>
            cutOffs.some(
              (cut) =>
                cut.provider === provider &&
                nowMs >= START_MS + cut.fromMs &&
                nowMs < START_MS + cut.fromMs + cut.lengthMs,
            ),
        })
        const { end, endMs, late } = run
        expect(['delivered', 'sent', 'failed']).toContain(end.state)
        // A step may run over the end of the budget by a crash's lease and the look after it, never by more.
        const allowanceMs = 15_000 + 2 * LOOK_MS + 8_000
        if (late === undefined) {
          expect(end.state).not.toBe('failed')
          expect(endMs - START_MS).toBeLessThanOrEqual(BUDGET_MS + allowanceMs)
        } else {
          expect(late.atMs - START_MS).toBeLessThanOrEqual(BUDGET_MS + allowanceMs)
          // At that moment it is still open: what follows is a retry or a receipt that is waited for.
          expect(['queued', 'sent']).toContain(late.notification.state)
          expect(endMs).toBeGreaterThan(late.atMs)
          expect(late.notification.announcements.filter(({ kind }) => kind === 'late')).toHaveLength(1)
        }
        if (end.state === 'failed')
          expect(end.announcements.filter(({ kind }) => kind === 'given_up')).toHaveLength(1)
        // Timers take no fractions of a millisecond.
        for (const { deadlineMs } of end.attempts) expect(deadlineMs % 1).toBe(0)
        expect((end.dueMs ?? 0) % 1).toBe(0)
      }),
      { numRuns: 2_000 },
    )
  })

  it('puts a missed budget on record in time where no process dies', () => {
    fc.assert(
      fc.property(script, (scripts) => {
        const { late } = runPlan({
          priority: 'high',
          steps: ALL_STEPS,
          react: (step, nth) => {
            const reaction = reactBy(scripts)(step, nth)
            return reaction.kind === 'crash' ? { kind: 'hangs' } : reaction
          },
        })
        if (late !== undefined) expect(late.atMs - START_MS).toBeLessThanOrEqual(BUDGET_MS + 2_000 + LOOK_MS)
      }),
      { numRuns: 1_000 },
    )
  })

  it('tries every provider of every channel within the budget, however slow each is', () => {
    for (const slow of [
      { kind: 'hangs' },
      { kind: 'silent', answerMs: 100 },
      { kind: 'silent', answerMs: 7_000 },
    ] as const) {
      const { handovers } = runPlan({ priority: 'high', steps: WITH_RECEIPTS, react: everyTime(slow) })
      const inTime = handovers.filter(({ atMs }) => atMs < START_MS + BUDGET_MS)
      expect(new Set(inTime.map(({ step }) => step.provider)).size).toBe(WITH_RECEIPTS.length)
    }
  })
})

describe('a notification of high priority', () => {
  it('is done with the first receipt', () => {
    const { end, handovers } = runPlan({
      priority: 'high',
      steps: ALL_STEPS,
      react: everyTime({ kind: 'receipt', answerMs: 50, afterMs: 900, status: 'delivered' }),
    })
    expect([end.state, handovers.length]).toEqual(['delivered', 1])
  })

  it('gets at most three copies from a provider that took it and never says more, each later than the last', () => {
    const { end, handovers } = runPlan({
      priority: 'high',
      steps: WITH_RECEIPTS.slice(0, 1),
      react: everyTime({ kind: 'silent', answerMs: 50 }),
    })
    const pauses = handovers.slice(1).map(({ atMs }, index) => atMs - (handovers[index]?.atMs ?? 0))
    expect(end.failure).toBe('NO_RECEIPT')
    expect(handovers).toHaveLength(3)
    expect(pauses[0]).toBeGreaterThanOrEqual(PLAN_LIMITS.resendAfterMs)
    expect(pauses[1]).toBeGreaterThanOrEqual(2 * PLAN_LIMITS.resendAfterMs)
  })

  it('takes no part in quiet hours', () => {
    const { handovers } = runPlan({
      priority: 'high',
      steps: ALL_STEPS,
      react: everyTime({ kind: 'receipt', answerMs: 50, afterMs: 900, status: 'delivered' }),
      quietUntilMs: START_MS + 3_600_000,
    })
    expect(handovers[0]?.atMs).toBe(START_MS)
  })

  it('is handed over again under the same number after a crash, and not for ever', () => {
    const { handovers, end } = runPlan({
      priority: 'high',
      steps: ALL_STEPS,
      react: (step) =>
        step.provider === 'twilio'
          ? { kind: 'crash' }
          : { kind: 'receipt', answerMs: 50, afterMs: 100, status: 'delivered' },
    })
    expect(handovers.filter(({ step }) => step.provider === 'twilio').map(({ number }) => number)).toEqual([
      1, 1, 1,
    ])
    expect(end.state).toBe('delivered')
  })
})

describe('a notification of normal priority', () => {
  const sms = ALL_STEPS.slice(0, 2)

  it('waits for the end of quiet hours', () => {
    const quietUntilMs = START_MS + 3_600_000
    const { handovers } = runPlan({
      priority: 'normal',
      steps: sms,
      react: everyTime({ kind: 'receipt', answerMs: 50, afterMs: 900, status: 'delivered' }),
      quietUntilMs,
    })
    expect(handovers[0]?.atMs).toBeGreaterThanOrEqual(quietUntilMs)
  })

  it('goes once to each provider that stays silent, and rests as sent', () => {
    const { end, handovers } = runPlan({
      priority: 'normal',
      steps: sms,
      react: everyTime({ kind: 'silent', answerMs: 50 }),
    })
    expect([end.state, handovers.map(({ step }) => step.provider)]).toEqual(['sent', ['twilio', 'msg91']])
  })

  it('is tried in rounds that grow apart, then given up', () => {
    const { end, handovers } = runPlan({
      priority: 'normal',
      steps: sms,
      react: everyTime({ kind: 'refused', answerMs: 50, isPermanent: false }),
    })
    const rounds = handovers.filter(({ step }) => step.provider === 'twilio').map(({ atMs }) => atMs)
    expect([end.state, rounds.length]).toEqual(['failed', PLAN_LIMITS.other.roundsMax])
    const pauses = rounds.slice(1).map((atMs, index) => atMs - (rounds[index] ?? 0))
    for (const pause of pauses)
      expect(pause).toBeLessThanOrEqual(PLAN_LIMITS.other.pauseMaxMs + 2 * (50 + LOOK_MS))
    expect(pauses.at(-1)).toBeGreaterThan((pauses[0] ?? 0) * 8)
  })

  it('is given up at once where every provider refuses for good', () => {
    const { end, handovers } = runPlan({
      priority: 'normal',
      steps: sms,
      react: everyTime({ kind: 'refused', answerMs: 50, isPermanent: true }),
    })
    expect([end.state, handovers.length]).toEqual(['failed', 2])
  })

  it('comes to an end and never bothers more than twice, whatever the providers do', () => {
    fc.assert(
      fc.property(script, (scripts) => {
        const { end, handovers } = runPlan({ priority: 'low', steps: sms, react: reactBy(scripts) })
        expect(['delivered', 'sent', 'failed']).toContain(end.state)
        const taken = end.attempts.filter(({ status }) => status === 'no_receipt')
        expect(taken.length).toBeLessThanOrEqual(2)
        expect(handovers.length).toBeLessThanOrEqual(2 * PLAN_LIMITS.other.roundsMax * 3)
      }),
      { numRuns: 500 },
    )
  })
})

it('passes over a provider that is cut off, and waits for the next round where all are', () => {
  const { notification } = {
    notification: runPlan({ priority: 'high', steps: [], react: everyTime({ kind: 'hangs' }) }).end,
  }
  const fresh = {
    ...notification,
    state: 'queued' as const,
    attempts: [],
    round: 0,
    roundMs: START_MS,
    isLate: false,
    startMs: START_MS,
  }
  const input = {
    notification: fresh,
    nowMs: START_MS,
    quietUntilMs: undefined,
    limits: PLAN_LIMITS,
    steps: WITH_RECEIPTS,
  }
  expect(decide({ ...input, isCutOff: (provider) => provider === 'twilio' })).toMatchObject({
    kind: 'send',
    step: { provider: 'msg91' },
  })
  expect(decide({ ...input, isCutOff: () => true })).toMatchObject({ kind: 'retry', round: 1 })
})
