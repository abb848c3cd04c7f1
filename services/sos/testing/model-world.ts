/**
 * The stores, notify and the log as plain maps, whose every answer comes when
 * the test's scheduler says so, and may be a failure before or after the thing
 * was done. A process of sos lives on them until it is crashed: from then on it
 * gets no answer and none of its timers fires.
 */
import type { Clock } from '@hushryd/kernel/clock.ts'
import { PublishedBatch } from '@hushryd/kernel/stores/published-batch.ts'
import { storeAway } from '@hushryd/kernel/stores/store-error.ts'
import type { Scheduler } from 'fast-check'
import type { Alert, AlertId, Trigger } from '../alert.ts'
import type { Change, Inserted } from '../alert-store.ts'
import { decodeRaised } from '../alert-stream.ts'
import type { Accepted, Answer, StoredAlert } from '../entry.ts'
import { Escalator } from '../escalator.ts'
import { Intake } from '../intake.ts'
import { createLegs } from '../legs.ts'
import type { Message } from '../messages.ts'
import { ALL_DONE, type OpenBatchDocument, OTHER_LEGS } from '../open-batches.ts'
import { Recent } from '../recent.ts'
import { Reconciler } from '../reconciler.ts'
import { Settlement } from '../settlement.ts'
import { StreamWorker } from '../stream-worker.ts'

export const TIMES = { firstAfterMs: 30_000, repeatMs: 60_000, quietMs: 300_000 }

/** What becomes of one step: `lost` is done, but the answer says that it failed. */
export type Fate = 'ok' | 'fails' | 'lost'

export interface Given {
  readonly alertId: string
  readonly answer: Accepted
}

export class ModelWorld {
  readonly alerts = new Map<AlertId, Alert>()
  readonly batches = new Map<string, OpenBatchDocument>()
  /** Messages of the stream that nobody has acknowledged. */
  readonly stream: Trigger[][] = []
  readonly log = new Map<string, number>()
  /** How often each message was handed to notify, by its key. */
  readonly messages = new Map<string, Message>()
  readonly given: Given[] = []
  readonly claims: string[] = []
  readonly #scheduler: Scheduler
  readonly #fates: Iterator<Fate>
  isHealthy = false
  nowMs = 1_000_000
  #ids = 0

  constructor(scheduler: Scheduler, fates: readonly Fate[]) {
    this.#scheduler = scheduler
    this.#fates = fates[Symbol.iterator]()
  }

  /** A step on a store, by a process that may be dead before or after it. */
  async step<T>(process: ModelProcess, name: string, work: () => T): Promise<T> {
    await this.#scheduler.schedule(Promise.resolve(), name)
    if (!process.isAlive) return await new Promise<never>(() => undefined)
    const fate = this.isHealthy ? 'ok' : (this.#fates.next().value ?? 'ok')
    if (fate === 'fails') throw storeAway('mongo')
    const result = work()
    if (fate === 'lost') throw storeAway('mongo')
    return result
  }

  newId(): string {
    this.#ids += 1
    return `batch-${this.#ids}`
  }

  /** Time is what the scheduler makes of it: a timer may come before any answer, or long after. */
  clockOf(process: ModelProcess): Clock {
    return {
      nowMs: () => this.nowMs,
      setTimer: (onDue, delayMs) => {
        let isCancelled = false
        const dueMs = this.nowMs + delayMs
        void this.#scheduler.schedule(Promise.resolve(), `timer ${delayMs}`).then(() => {
          if (isCancelled || !process.isAlive) return
          this.nowMs = Math.max(this.nowMs, dueMs)
          onDue()
        })
        return {
          cancel: () => {
            isCancelled = true
          },
        }
      },
    }
  }
}

export class ModelProcess {
  readonly #world: ModelWorld
  readonly intake: Intake
  readonly reconciler: Reconciler
  readonly escalator: Escalator
  readonly #streamWorker: StreamWorker
  isAlive = true

  constructor(world: ModelWorld) {
    this.#world = world
    const clock = world.clockOf(this)
    const step = <T>(name: string, work: () => T): Promise<T> => world.step(this, name, work)
    const recent = new Recent()
    const handOver = (messages: readonly Message[]): void => {
      for (const message of messages) world.messages.set(message.key, message)
    }

    const find = (ids: readonly AlertId[]): StoredAlert[] =>
      ids.flatMap((id) => {
        const alert = world.alerts.get(id)
        if (alert === undefined) return []
        const open = [...world.batches.values()].find(({ alertIds }) => alertIds.includes(id))
        const queued = Object.fromEntries((open?.openLegs ?? []).map((leg) => [leg, 'QUEUED']))
        return [{ alert, legs: { ...ALL_DONE, ...queued } }]
      })
    const store = {
      insert: async (
        alerts: readonly Alert[],
        { nowMs, retryMs = nowMs + 10_000 }: { nowMs: number; retryMs?: number },
      ): Promise<Inserted> => {
        const batchId = world.newId()
        await step('open batch', () =>
          world.batches.set(batchId, {
            _id: batchId,
            alertIds: alerts.map(({ alertId }) => alertId),
            openLegs: OTHER_LEGS,
            openedAt: new Date(nowMs),
            retryAt: new Date(retryMs),
            tries: 0,
          }),
        )
        const taken = await step('insert', () => {
          const there = alerts.filter(({ alertId }) => world.alerts.has(alertId))
          for (const alert of alerts) if (!there.includes(alert)) world.alerts.set(alert.alertId, alert)
          return there.map(({ alertId }) => alertId)
        })
        const earlier = taken.length === 0 ? [] : await step('find taken', () => find(taken))
        return { batchId, earlier: new Map(earlier.map((each) => [each.alert.alertId, each])) }
      },
      findMany: (ids: readonly AlertId[]) => step('find', () => find(ids)),
      countOf: (ids: readonly AlertId[]) => step('count', () => find(ids).length),
      findOwners: (ids: readonly AlertId[]) =>
        step('find owners', () => new Map(find(ids).map(({ alert }) => [alert.alertId, alert.userId]))),
      listDue: (nowMs: number) =>
        step('list due', () =>
          [...world.alerts.values()].filter(
            ({ nextEscalationMs = Number.POSITIVE_INFINITY }) => nextEscalationMs <= nowMs,
          ),
        ),
      write: (changes: readonly Change[]) =>
        step('write', () => {
          const open = changes.filter(
            ({ before }) => world.alerts.get(before.alertId)?.version === before.version,
          )
          for (const { after } of open) world.alerts.set(after.alertId, after)
          return open.length
        }),
    }
    const batches = {
      close: (ids: readonly string[]) =>
        step('close', () => {
          for (const id of ids) world.batches.delete(id)
        }),
      narrow: (
        id: string,
        alertIds: readonly AlertId[],
        openLegs: OpenBatchDocument['openLegs'],
        retryMs: number,
      ) =>
        step('narrow', () => {
          const batch = world.batches.get(id)
          if (batch !== undefined)
            world.batches.set(id, { ...batch, alertIds, openLegs, retryAt: new Date(retryMs) })
        }),
      claimDue: (nowMs: number, untilMs: number) =>
        step('claim', () => {
          const due = [...world.batches.values()].find(({ retryAt }) => retryAt.getTime() <= nowMs)
          if (due !== undefined) world.batches.set(due._id, { ...due, retryAt: new Date(untilMs) })
          return due
        }),
    }
    const notifier = {
      queue: async (messages: readonly Message[]) => {
        try {
          return await step('queue', () => {
            handOver(messages)
            return messages.map(() => true)
          })
        } catch {
          return messages.map(() => false)
        }
      },
      call: (messages: readonly Message[]) => step('call notify', () => handOver(messages)),
    }
    const links = { share: (alerts: readonly Alert[]) => alerts.map(() => undefined) }
    const { work, run } = createLegs({
      publisher: {
        publish: (_subject, data) => step('publish', () => void world.stream.push(decodeRaised(data))),
      },
      eventLog: {
        recordAll(events) {
          const batch = new PublishedBatch(events.length)
          for (const [place, { eventId = '' }] of events.entries())
            step('record', () => void world.log.set(eventId, (world.log.get(eventId) ?? 0) + 1)).then(
              () => batch.settle(place, true),
              () => batch.settle(place, false),
            )
          return batch
        },
      },
      store,
      notifier,
      links,
      teller: { hint: () => undefined, pushRaised: () => undefined },
      clock,
      namespace: '',
    })
    const settlement = new Settlement({
      batches,
      onStoredLate: () => undefined,
      onEnded: () => undefined,
      onFailed: () => undefined,
      nowMs: () => world.nowMs,
    })
    this.intake = new Intake({
      legs: work,
      recent,
      times: TIMES,
      answerMs: 400,
      clock,
      monotonicMs: () => world.nowMs,
      events: {
        raised: () => undefined,
        folded: () => undefined,
        answered: () => undefined,
        legEnded: () => undefined,
      },
      onLegFailed: () => undefined,
      onEnded: (entry) => settlement.ended(entry),
    })
    this.reconciler = new Reconciler({
      store,
      batches,
      run,
      call: notifier.call,
      links,
      clock,
      onFinished: () => undefined,
    })
    const send = async (messages: readonly Message[]): Promise<void> => await notifier.call(messages)
    this.escalator = new Escalator({ store, send, times: TIMES, clock, onEscalated: () => undefined })
    this.#streamWorker = new StreamWorker({
      store,
      isInFlight: (alertId) => this.intake.isInFlight(alertId),
      isOwn: (alertId, userId) => recent.isOf(alertId, userId),
      times: TIMES,
      send,
      clock,
      onStored: () => undefined,
      onEscalated: () => undefined,
      onForeign: () => undefined,
    })
  }

  /** What the person's phone is told, as long as this process lives. */
  raise(trigger: Trigger): void {
    this.intake.raise(trigger, (answer: Answer) => {
      if (!this.isAlive) return
      const { given, claims } = this.#world
      if (answer.kind !== 'accepted') return
      given.push({ alertId: trigger.alertId, answer })
      const isThere = (leg: string, isDone: boolean): void => {
        if (!isDone) claims.push(`${leg} of ${trigger.alertId} is said to be done, and is not`)
      }
      const { legs } = answer
      if (legs.database === 'DONE') isThere('database', this.#world.alerts.has(trigger.alertId))
      const key = `sos:${trigger.alertId}:${trigger.userId}:raised`
      if (legs.contacts === 'DONE') isThere('contacts', this.#world.messages.has(key))
      const event = `sos:${trigger.alertId}:${trigger.userId}:triggered`
      if (legs.admin === 'DONE') isThere('admin', this.#world.log.has(event))
    })
  }

  /** Every message that is not acknowledged, once; some of them twice. */
  async drainStream(): Promise<void> {
    const { stream } = this.#world
    for (const message of [...stream]) {
      const handled = await this.#streamWorker
        .handle({ ageMs: 60_000, read: () => message })
        .catch(() => ({ kind: 'again' as const }))
      if (handled.kind === 'done' && stream.includes(message)) stream.splice(stream.indexOf(message), 1)
    }
  }

  crash(): void {
    this.isAlive = false
  }
}
