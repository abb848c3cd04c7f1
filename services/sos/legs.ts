/**
 * The four things that raising an alert does, each for many alerts at once.
 * Each may be repeated for the same alerts: a repeat is recognised by the
 * alert's id where it arrives.
 */
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { EventLog } from '@hushryd/kernel/event-log.ts'
import type { JetStreamPublisher } from '@hushryd/kernel/stores/jetstream-publisher.ts'
import type { Alert, Leg } from './alert.ts'
import type { AlertStore } from './alert-store.ts'
import { ALERTS_PER_MESSAGE, encodeRaised, raisedSubject } from './alert-stream.ts'
import { chunk } from './chunk.ts'
import type { Entry, StoredBatch } from './entry.ts'
import type { LegWork } from './intake.ts'
import { allKeptWithin, keptWithin } from './kept-within.ts'
import { contactsMessage, type Message, onCallMessage } from './messages.ts'
import type { Notifier } from './notifier.ts'
import type { OtherLeg } from './open-batches.ts'
import { raisedEvent } from './tell.ts'
import { type Teller, toNewEvent } from './teller.ts'

/** Answers which of the alerts are through, by their places; may reject where none is. */
export type RunLeg = (alerts: readonly Alert[], timeoutMs: number) => Promise<readonly boolean[]>

export interface Links {
  /** By their places; undefined for an alert without a trip. Does not wait until they work. */
  share(alerts: readonly Alert[]): (string | undefined)[]
}

export interface LegsOptions {
  readonly publisher: Pick<JetStreamPublisher, 'publish'>
  readonly eventLog: Pick<EventLog, 'recordAll'>
  readonly store: Pick<AlertStore, 'insert'>
  readonly notifier: Pick<Notifier, 'queue' | 'call'>
  readonly links: Links
  readonly teller: Pick<Teller, 'hint' | 'pushRaised'>
  readonly clock: Clock
  readonly namespace: string
}

export interface LegRunners {
  /** For the intake. */
  readonly work: Readonly<Record<Leg, LegWork>>
  /** For alerts that the database has. */
  readonly run: Readonly<Record<OtherLeg, RunLeg>>
}

export function createLegs(options: LegsOptions): LegRunners {
  const { publisher, eventLog, store, notifier, links, teller, clock, namespace } = options

  const run: Record<OtherLeg, RunLeg> = {
    async stream(alerts, timeoutMs) {
      const messages = chunk(alerts, ALERTS_PER_MESSAGE)
      const subject = raisedSubject(namespace)
      const kept = await keptWithin(
        messages.map((message) => publisher.publish(subject, encodeRaised(message))),
        timeoutMs,
        clock,
      )
      return messages.flatMap((message, index) => message.map(() => kept[index] === true))
    },
    admin: (alerts, timeoutMs) =>
      allKeptWithin(
        eventLog.recordAll(alerts.map((alert) => toNewEvent(raisedEvent(alert), alert.receivedMs))),
        timeoutMs,
        clock,
      ),
    contacts: (alerts, timeoutMs) => notifier.queue(contactsMessages(alerts, links), timeoutMs),
  }

  function attempt(leg: OtherLeg): LegWork['attempt'] {
    return async (entries, timeoutMs) => {
      const kept = await run[leg](alertsOf(entries), timeoutMs)
      return entries.filter((_, index) => kept[index] !== true)
    }
  }

  async function insert(entries: readonly Entry[], timeoutMs: number): Promise<readonly Entry[]> {
    const { batchId, earlier } = await store.insert(alertsOf(entries), { nowMs: clock.nowMs(), timeoutMs })
    const added = entries.filter((entry) => !earlier.has(entry.alert.alertId))
    const batch: StoredBatch = { id: batchId, openAlerts: added.length, failed: [] }
    for (const entry of added) entry.batch = batch
    for (const entry of entries) {
      const found = earlier.get(entry.alert.alertId)
      // What an attempt has stored that seemed to fail is no earlier alert; its own open batch ends by the reconciler.
      if (found !== undefined && !isSame(found.alert, entry.alert)) entry.earlier = found
    }
    if (added.length > 0) teller.hint(alertsOf(added))
    return []
  }

  return {
    run,
    work: {
      // What the one store does not take, the other holds: each is the other's backup.
      stream: { attempt: attempt('stream'), backUp: async () => 'FAILED' },
      database: { attempt: insert, backUp: async () => 'FAILED' },
      admin: {
        attempt: attempt('admin'),
        async backUp(entries) {
          const alerts = alertsOf(entries)
          teller.pushRaised(alerts)
          await notifier.call(alerts.map((alert) => onCallMessage(alert, 0)))
          // People on duty know; the log still has to.
          return 'QUEUED'
        },
      },
      contacts: {
        attempt: attempt('contacts'),
        async backUp(entries) {
          await notifier.call(contactsMessages(alertsOf(entries), links))
          return 'DONE'
        },
      },
    },
  }
}

export function contactsMessages(alerts: readonly Alert[], links: Links): Message[] {
  const urls = links.share(alerts)
  return alerts.map((alert, index) => contactsMessage(alert, urls[index]))
}

function isSame(stored: Alert, { userId, receivedMs }: Alert): boolean {
  return stored.userId === userId && stored.receivedMs === receivedMs && stored.version === 1
}

function alertsOf(entries: readonly Entry[]): Alert[] {
  return entries.map(({ alert }) => alert)
}
