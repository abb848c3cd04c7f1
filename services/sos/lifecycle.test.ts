/**
 * Any interleaving of answers, timers, failures and a crash, at any step, over
 * a model of the stores. Invariant: what a person was told is so, and once the
 * stores are well again everything that was accepted is finished, once.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AlertId, Trigger } from './alert.ts'
import { type Fate, ModelProcess, ModelWorld, TIMES } from './testing/model-world.ts'

const trigger = fc.record({ alert: fc.nat(4), user: fc.nat(0) }).map(
  ({ alert, user }): Trigger => ({
    alertId: `a${alert}` as AlertId,
    userId: `user-${user}`,
    role: 'passenger',
    tripId: 't',
    bookingId: '',
    location: undefined,
    receivedMs: 1_000_000,
  }),
)
const fate = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Fate>('ok') },
  { weight: 2, arbitrary: fc.constant<Fate>('fails') },
  { weight: 1, arbitrary: fc.constant<Fate>('lost') },
)

/** With healthy stores: the stream, the open batches and the ladder, until nothing is left to do. */
async function finish(world: ModelWorld, scheduler: fc.Scheduler): Promise<void> {
  world.isHealthy = true
  const process = new ModelProcess(world)
  for (let round = 0; round < 20; round += 1) {
    world.nowMs += 70_000
    const working = process.drainStream().then(() => process.reconciler.run(new AbortController().signal))
    await scheduler.waitFor(working)
    // What was given up and comes all the same.
    await scheduler.waitIdle()
    if (world.stream.length === 0 && world.batches.size === 0) return
  }
}

function expectFinished(world: ModelWorld): void {
  expect(world.claims).toEqual([])
  expect(world.stream).toEqual([])
  expect([...world.batches.keys()]).toEqual([])
  const accepted = new Set(world.given.map(({ alertId }) => alertId))
  for (const alertId of accepted) expect(world.alerts.get(alertId as AlertId)?.alertId).toBe(alertId)
  for (const { alertId, userId } of world.alerts.values()) {
    expect(world.messages.get(`sos:${alertId}:${userId}:raised`)).toMatchObject({ userId })
    expect(world.log.get(`sos:${alertId}:${userId}:triggered`)).toBeGreaterThanOrEqual(1)
  }
}

test('crash between any two steps, any failure, any order: nothing accepted is lost, and nothing is told that is not so', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(trigger, { minLength: 1, maxLength: 12 }),
      fc.array(fate, { maxLength: 80 }),
      fc.option(fc.nat(120)),
      async (scheduler, triggers, fates, crashAfter) => {
        const world = new ModelWorld(scheduler, fates)
        const process = new ModelProcess(world)
        for (const each of triggers) process.raise(each)
        for (let step = 0; scheduler.count() > 0 && step < 2_000; step += 1) {
          if (step === crashAfter) process.crash()
          await scheduler.waitOne()
        }
        process.crash()
        await finish(world, scheduler)
        expectFinished(world)
      },
    ),
    { numRuns: 300 },
  )
})

test('messages that come again, and late, change nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(trigger, { minLength: 1, maxLength: 8 }),
      fc.array(fate, { maxLength: 30 }),
      async (scheduler, triggers, fates) => {
        const world = new ModelWorld(scheduler, fates)
        const process = new ModelProcess(world)
        for (const each of triggers) process.raise(each)
        const seen = [...world.stream]
        for (let step = 0; scheduler.count() > 0 && step < 2_000; step += 1) {
          await scheduler.waitOne()
          for (const message of world.stream) if (!seen.includes(message)) seen.push(message)
        }
        await finish(world, scheduler)
        const before = structuredClone([...world.alerts])
        world.stream.push(...seen)
        await finish(world, scheduler)
        expectFinished(world)
        expect([...world.alerts]).toEqual(before)
      },
    ),
    { numRuns: 100 },
  )
})

test('the ladder climbs one step at a time, each step told, whichever process takes it and wherever it crashes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fate, { maxLength: 20 }),
      fc.nat(12),
      async (scheduler, fates, crashAfter) => {
        const world = new ModelWorld(scheduler, [])
        const first = new ModelProcess(world)
        first.raise({
          alertId: 'a' as AlertId,
          userId: 'u',
          role: 'passenger',
          tripId: '',
          bookingId: '',
          location: undefined,
          receivedMs: world.nowMs,
        })
        await scheduler.waitIdle()
        const failing = new ModelWorld(scheduler, fates)
        for (const [id, alert] of world.alerts) failing.alerts.set(id, alert)
        failing.nowMs = world.nowMs + TIMES.firstAfterMs
        const racers = [new ModelProcess(failing), new ModelProcess(failing)]
        const { signal } = new AbortController()
        for (const racer of racers) racer.escalator.run(signal).catch(() => undefined)
        for (let step = 0; scheduler.count() > 0 && step < 500; step += 1) {
          if (step === crashAfter) racers[0]?.crash()
          await scheduler.waitOne()
        }
        failing.isHealthy = true
        await scheduler.waitFor(new ModelProcess(failing).escalator.run(signal))
        const alert = failing.alerts.get('a' as AlertId)
        expect(alert?.escalations).toBe(1)
        expect([...failing.messages.keys()].filter((key) => key.includes(':esc:'))).toEqual(['sos:a:u:esc:1'])
      },
    ),
    { numRuns: 200 },
  )
})
