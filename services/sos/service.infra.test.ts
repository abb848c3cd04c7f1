/** The service as its callers meet it, with real stores. */
import { TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { OutcomeStatus } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import { AlertStatus, LegState } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import type { ConnectResponse, LaneResult, LaneTrigger } from '@hushryd/gen/hushryd/sos/v1/lane.ts'
import { ErrorReason } from '@hushryd/kernel/error.ts'
import { variablesPlace } from '@hushryd/kernel/queued-notification.ts'
import { readKeyRing, unseal } from '@hushryd/kernel/sealed-field.ts'
import { readShareLink, shareLinkKey } from '@hushryd/kernel/share-link.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { testUrl } from '@hushryd/kernel/testing/store-urls.ts'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromDocument } from './alert-document.ts'
import { asAdmin, asBackend, asUser, SosNode, World } from './testing/sos-node.ts'
import { findBrokenTrail } from './verify-audit.ts'

const ALL_DONE = {
  stream: LegState.DONE,
  database: LegState.DONE,
  admin: LegState.DONE,
  contacts: LegState.DONE,
}
const PLACE = { lat: 17.4126, lng: 78.4482, accuracy: 9 }

let world: World
let node: SosNode

beforeAll(async () => {
  world = await World.start()
  node = await SosNode.start(world)
})
afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (typeof error !== 'object' || error === null || !('reason' in error)) throw new Error('no DomainError')
  return String(error.reason)
}

describe('raising an alert', () => {
  it('ends with all four legs done: stream, database, operations, contacts', async () => {
    const [alertId, userId, tripId] = [world.id(), world.id('ravi'), world.id('trip')]
    const answer = await node.trigger(userId, { alertId, tripId, bookingId: 'b1', location: PLACE })
    expect(answer).toMatchObject({ alertId, status: AlertStatus.ACTIVE, legs: ALL_DONE })

    const stored = await world.alerts.findOne({ _id: alertId as never })
    expect(stored).toMatchObject({ userId, tripId, status: 'ACTIVE', version: 1, accuracy: 9 })
    const events = await until(() => world.eventsOf(alertId).length > 0 && world.eventsOf(alertId))
    expect(events.map(({ type, tripId: trip }) => [type, trip])).toEqual([['sos.triggered', tripId]])
    const message = (await world.queued()).find(({ correlationId }) => correlationId === alertId)
    expect(message).toMatchObject({
      userId,
      recipients: 'emergency_contacts',
      channels: ['sms', 'whatsapp'],
      template: 'sos_alert',
      priority: 'high',
      reportTo: 'sos',
    })
    await until(async () => (await world.openBatches()) === 0)
  })

  it('gives contacts a link whose hash is in Redis, for the trip and in the raiser’s name; none without a trip', async () => {
    const [alertId, bare, userId] = [world.id(), world.id(), world.id('ravi')]
    const tripId = world.id('trip')
    await node.trigger(userId, { alertId, tripId })
    await node.trigger(userId, { alertId: bare })
    const ring = readKeyRing(world.keys)
    const queued = await world.queued()
    const dataOf = (id: string): { readonly link?: string; readonly time: number } => {
      const sealed = queued.find(({ correlationId }) => correlationId === id)?.sealedData ?? ''
      return JSON.parse(unseal(ring, variablesPlace('sos_alert'), sealed))
    }
    expect(dataOf(bare).link).toBeUndefined()
    const url = new URL(dataOf(alertId).link ?? '')
    expect(url.searchParams.get('trip')).toBe(tripId)
    const redis = new Redis(testUrl('TEST_REDIS_URL'))
    const text = await until(() => redis.get(shareLinkKey(url.searchParams.get('share') ?? '')))
    expect(readShareLink(text)).toMatchObject({ tripId, sharedBy: userId })
    redis.disconnect()
  })

  it('of one id is one alert, however often and from however many sides at once', async () => {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    const answers = await Promise.all(Array.from({ length: 20 }, () => node.trigger(userId, { alertId })))
    const again = await node.trigger(userId, { alertId })
    for (const answer of [...answers, again]) {
      expect(answer).toMatchObject({ alertId, triggeredAt: answers[0]?.triggeredAt, legs: ALL_DONE })
    }
    expect(await world.alerts.countDocuments({ userId })).toBe(1)
    expect((await world.queued()).filter(({ correlationId }) => correlationId === alertId)).toHaveLength(1)
  })

  it('answers a repeat with how the alert stands now', async () => {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    await node.trigger(userId, { alertId })
    await node.client.acknowledgeAlert({ alertId, note: '' }, asAdmin)
    expect((await node.trigger(userId, { alertId })).status).toBe(AlertStatus.RESPONDING)
  })

  it('refuses another person’s id, and tells nothing about that alert', async () => {
    const alertId = world.id()
    await node.trigger(world.id('ravi'), { alertId })
    const other = world.id('kiran')
    expect(await reasonOf(node.trigger(other, { alertId }))).toBe(
      String(ErrorReason.ERROR_REASON_DUPLICATE_ID),
    )
    expect(await reasonOf(node.client.getAlert({ alertId }, asUser(other)))).toBe(
      await reasonOf(node.client.getAlert({ alertId: world.id() }, asUser(other))),
    )
  })

  it('takes an alert whose place makes no sense, and leaves the place out', async () => {
    const alertId = world.id()
    await node.trigger(world.id('ravi'), { alertId, location: { lat: 400, lng: 0, accuracy: 0 } })
    const { alert } = await node.client.getAlert({ alertId }, asAdmin)
    expect(alert).toMatchObject({ status: AlertStatus.ACTIVE, location: undefined })
  })
})

describe('the lane', () => {
  it('answers every trigger of a batch by its number, the broken ones with their reason', async () => {
    const triggers = Array.from(
      { length: 300 },
      (_, ref): LaneTrigger => ({
        ref,
        userId: world.id('u'),
        role: 'passenger',
        alertId: ref === 7 ? 'no id!' : world.id(),
        tripId: ref % 2 === 0 ? world.id('t') : 'not a trip!',
        bookingId: '',
        location: undefined,
        receivedAt: Date.now(),
      }),
    )
    const results: LaneResult[] = []
    const done = Promise.withResolvers<void>()
    async function* requests() {
      yield { edgeId: 'edge-1', triggers }
      await done.promise
    }
    const responses: AsyncIterable<ConnectResponse> = node.client.connect(requests())
    for await (const response of responses) {
      results.push(...response.results)
      if (results.length === triggers.length) break
    }
    done.resolve()
    const byRef = results.toSorted((a, b) => a.ref - b.ref)
    expect(byRef.map(({ ref }) => ref)).toEqual(triggers.map(({ ref }) => ref))
    expect(byRef[7]?.error?.reason).toBe(ErrorReason.ERROR_REASON_INVALID_REQUEST)
    for (const result of byRef.toSpliced(7, 1)) {
      expect(result).toMatchObject({ error: undefined, status: AlertStatus.ACTIVE, legs: ALL_DONE })
    }
  })
})

describe('what people do with an alert', () => {
  it('taking it stops the ladder, is told to the person without a name, and may be repeated', async () => {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    await node.trigger(userId, { alertId })
    const { alert } = await node.client.acknowledgeAlert({ alertId, note: 'calling' }, asAdmin)
    expect(alert).toMatchObject({ status: AlertStatus.RESPONDING, acknowledgedBy: 'meera' })
    // On a busy machine the person first hears that it is stored.
    const told = () => world.pushesTo(userId).find(({ type }) => type === 'sos.acknowledged')
    await until(() => told() !== undefined)
    const event = told()
    expect(event).toMatchObject({ data: { alertId, by: 'operations' } })
    expect(JSON.stringify(event)).not.toContain('meera')
    const { alert: seen } = await node.client.getAlert({ alertId }, asUser(userId))
    expect(seen).toMatchObject({ acknowledgedBy: 'operations', audit: [], notes: '', trail: [] })
    const again = await node.client.acknowledgeAlert({ alertId, note: 'still on it' }, asAdmin)
    expect(again.alert).toMatchObject({ acknowledgedAt: alert?.acknowledgedAt, version: 3 })
  })

  it('resolving closes it for good', async () => {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    await node.trigger(userId, { alertId })
    await node.client.resolveAlert({ alertId, notes: 'safe at home' }, asAdmin)
    const { alert } = await node.client.resolveAlert({ alertId, notes: 'again' }, asAdmin)
    expect(alert).toMatchObject({ status: AlertStatus.RESOLVED, notes: 'safe at home' })
    expect(await reasonOf(node.client.acknowledgeAlert({ alertId, note: '' }, asAdmin))).toBe(
      String(ErrorReason.ERROR_REASON_ALERT_CLOSED),
    )
    await until(() => world.eventsOf(alertId).some(({ type }) => type === 'sos.resolved'))
  })

  it('two at once are two changes, one after the other', async () => {
    const alertId = world.id()
    await node.trigger(world.id('ravi'), { alertId })
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        node.client.acknowledgeAlert({ alertId, note: `note ${index}` }, asAdmin),
      ),
    )
    const { alert } = await node.client.getAlert({ alertId }, asAdmin)
    expect(alert?.audit.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(alert?.version).toBe(9)
  })

  it('operations see the trail and the audit trail of one alert', async () => {
    const alertId = world.id()
    await node.trigger(world.id('ravi'), { alertId, tripId: world.id('trip') })
    world.trail.push({ userId: 'd', lat: 1, lng: 2, accuracy: 0, speed: 0, heading: 0, timestampMs: 5 })
    const { alert } = await node.client.getAlert({ alertId }, asAdmin)
    expect(alert?.trail).toHaveLength(1)
    expect(alert?.audit.map(({ action }) => action)).toEqual(['triggered'])
    world.trail.length = 0
  })
})

describe('calling it off', () => {
  async function raiseWithPins(): Promise<{ alertId: string; userId: string }> {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    await node.client.putPins({ userId, pin: '2580', duressPin: '1379' }, asUser(userId))
    await node.trigger(userId, { alertId, tripId: world.id('trip') })
    return { alertId, userId }
  }

  it('needs the person’s own PIN', async () => {
    const { alertId, userId } = await raiseWithPins()
    const cancel = (pin: string, who = userId) => node.client.cancelAlert({ alertId, pin }, asUser(who))
    expect(await reasonOf(cancel('0000'))).toBe(String(ErrorReason.ERROR_REASON_WRONG_PIN))
    expect(await reasonOf(cancel('2580', world.id('kiran')))).toBe(
      String(ErrorReason.ERROR_REASON_ALERT_NOT_FOUND),
    )
    expect((await cancel('2580')).alert?.status).toBe(AlertStatus.CANCELLED)
    expect((await cancel('2580')).alert?.status).toBe(AlertStatus.CANCELLED)
  })

  it('with the duress PIN looks the same in every answer and event, and goes on for operations', async () => {
    const [calm, forced] = [await raiseWithPins(), await raiseWithPins()]
    const seen = async ({ alertId, userId }: typeof calm, pin: string) => {
      const cancelled = await node.client.cancelAlert({ alertId, pin }, asUser(userId))
      // Operations take both in hand; of a cancelled one that is refused.
      await node.client.acknowledgeAlert({ alertId, note: '' }, asAdmin).catch(() => undefined)
      await world.report({
        correlationId: alertId,
        idempotencyKey: '',
        contact: 0,
        channel: 'sms',
        status: OutcomeStatus.OUTCOME_STATUS_DELIVERED,
        at: 5_000,
      })
      await until(async () => {
        const { alert } = await node.client.getAlert({ alertId }, asAdmin)
        return alert?.contacts.length === 1
      })
      const later = await node.client.getAlert({ alertId }, asUser(userId))
      const again = await node.client.cancelAlert({ alertId, pin: '2580' }, asUser(userId))
      const repeat = await node.trigger(userId, { alertId })
      await until(() => world.pushesTo(userId).some(({ type }) => type === 'sos.cancelled'))
      const plain = (value: unknown): string =>
        JSON.stringify(value).replaceAll(
          /"(alertId|userId|tripId|atMs|closedAt|triggeredAt|trigger\w+)":("[^"]*"|\d+)/g,
          '"$1"',
        )
      return plain({ cancelled, later, again, repeat, pushes: world.pushesTo(userId) })
    }
    expect(await seen(forced, '1379')).toBe(await seen(calm, '2580'))
    const { alert } = await node.client.getAlert({ alertId: forced.alertId }, asAdmin)
    expect(alert).toMatchObject({ status: AlertStatus.RESPONDING, duress: true })
    await until(() => world.eventsOf(forced.alertId).some(({ type }) => type === 'sos.duress'))
  })

  it('ends after five wrong PINs, also for new ones', async () => {
    const { alertId, userId } = await raiseWithPins()
    const cancel = (pin: string) => reasonOf(node.client.cancelAlert({ alertId, pin }, asUser(userId)))
    for (const pin of ['0001', '0002', '0003', '0004', '0005'])
      expect(await cancel(pin)).toBe(String(ErrorReason.ERROR_REASON_WRONG_PIN))
    expect(await cancel('2580')).toBe(String(ErrorReason.ERROR_REASON_RATE_LIMITED))
    await node.client.putPins({ userId, pin: '4711', duressPin: '' }, asBackend)
    expect(await cancel('4711')).toBe(String(ErrorReason.ERROR_REASON_RATE_LIMITED))
  })

  it('does not count PINs that were set after the alert was raised', async () => {
    const { alertId, userId } = await raiseWithPins()
    await node.client.putPins({ userId, pin: '9999', duressPin: '' }, asUser(userId))
    const cancel = (pin: string) => node.client.cancelAlert({ alertId, pin }, asUser(userId))
    expect(await reasonOf(cancel('9999'))).toBe(String(ErrorReason.ERROR_REASON_WRONG_PIN))
    expect((await cancel('2580')).alert?.status).toBe(AlertStatus.CANCELLED)
  })

  it('is refused where no PIN is set, and PINs are nobody else’s to set', async () => {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    await node.trigger(userId, { alertId })
    expect(await reasonOf(node.client.cancelAlert({ alertId, pin: '1234' }, asUser(userId)))).toBe(
      String(ErrorReason.ERROR_REASON_PIN_NOT_SET),
    )
    const foreign = node.client.putPins({ userId, pin: '1234', duressPin: '' }, asUser(world.id('kiran')))
    expect(await reasonOf(foreign)).toBe(String(ErrorReason.ERROR_REASON_FORBIDDEN))
    const same = node.client.putPins({ userId, pin: '1234', duressPin: '1234' }, asUser(userId))
    expect(await reasonOf(same)).toBe(String(ErrorReason.ERROR_REASON_INVALID_REQUEST))
  })
})

describe('lists and watches', () => {
  it('pages through alerts newest first, and filters', async () => {
    const [userId, tripId] = [world.id('ravi'), world.id('trip')]
    const ids: string[] = []
    for (let index = 0; index < 5; index += 1) {
      const alertId = world.id()
      ids.unshift(alertId)
      await node.trigger(userId, { alertId, tripId })
    }
    await node.client.resolveAlert({ alertId: ids[2] ?? '', notes: '' }, asAdmin)
    const found: string[] = []
    let pageToken = ''
    do {
      const page = await node.client.listAlerts({ userId, pageSize: 2, pageToken }, asAdmin)
      found.push(...page.alerts.map(({ alertId }) => alertId))
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    // Of one millisecond the order is by id.
    expect(found.toSorted()).toEqual(ids.toSorted())
    const open = await node.client.listAlerts({ tripId, statuses: [AlertStatus.ACTIVE] }, asAdmin)
    expect(open.alerts).toHaveLength(4)
    expect(await reasonOf(node.client.listAlerts({ pageToken: 'x' }, asAdmin))).toBe(
      String(ErrorReason.ERROR_REASON_INVALID_REQUEST),
    )
    expect(await reasonOf(node.client.listAlerts({}, asUser(userId)))).toBe(
      String(ErrorReason.ERROR_REASON_FORBIDDEN),
    )
  })

  it('a watcher gets what is open, then that it has caught up, then each change', async () => {
    const [before, after, userId] = [world.id(), world.id(), world.id('ravi')]
    await node.trigger(userId, { alertId: before })
    const ended = new AbortController()
    const seen: { id: string; status: AlertStatus }[] = []
    let hasCaughtUp = false
    const watching = (async () => {
      for await (const { alert, caughtUp } of node.client.watchAlerts(
        {},
        { ...asAdmin, signal: ended.signal },
      )) {
        if (caughtUp) hasCaughtUp = true
        if (alert !== undefined) seen.push({ id: alert.alertId, status: alert.status })
      }
    })().catch(() => undefined)
    await until(() => hasCaughtUp)
    expect(seen.some(({ id }) => id === before)).toBe(true)
    await node.trigger(userId, { alertId: after })
    await node.client.resolveAlert({ alertId: before, notes: '' }, asAdmin)
    await until(() => seen.some(({ id }) => id === after))
    await until(() => seen.some(({ id, status }) => id === before && status === AlertStatus.RESOLVED))
    ended.abort()
    await watching
  })
})

describe('what comes back from notify', () => {
  it('is noted once, in any order, and told to the person', async () => {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    await node.trigger(userId, { alertId })
    const outcome = { correlationId: alertId, idempotencyKey: 'k', contact: 1, channel: 'sms', at: 5_000 }
    await world.report({ ...outcome, status: OutcomeStatus.OUTCOME_STATUS_DELIVERED })
    await world.report({ ...outcome, status: OutcomeStatus.OUTCOME_STATUS_SENT })
    await world.report({ ...outcome, channel: 'whatsapp', status: OutcomeStatus.OUTCOME_STATUS_FAILED })
    const contacts = await until(async () => {
      const { alert } = await node.client.getAlert({ alertId }, asUser(userId))
      return alert !== undefined && alert.contacts.length === 2 && alert.contacts
    })
    expect(contacts.map(({ channel, status }) => [channel, status])).toEqual([
      ['sms', 'DELIVERED'],
      ['whatsapp', 'FAILED'],
    ])
    await until(() => world.pushesTo(userId).some(({ type }) => type === 'sos.contact_failed'))
    expect(world.pushesTo(userId).some(({ type }) => type === 'sos.contact_reached')).toBe(true)
  })

  it('shows a person without contacts that there was nobody to tell', async () => {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    await node.trigger(userId, { alertId })
    const status = OutcomeStatus.OUTCOME_STATUS_NO_RECIPIENT
    await world.report({
      correlationId: alertId,
      idempotencyKey: '',
      contact: 0,
      channel: 'sms',
      at: 1,
      status,
    })
    await until(async () => {
      const { alert } = await node.client.getAlert({ alertId }, asUser(userId))
      return alert?.legs?.contacts === LegState.NONE
    })
    await until(() => world.eventsOf(alertId).some(({ type }) => type === 'sos.no_contacts'))
  })
})

describe('the other side of the trip', () => {
  it('is asked for positions as on any trip, and hears nothing else, on no subject', async () => {
    const [alertId, userId, tripId, driverId] = [
      world.id(),
      world.id('ravi'),
      world.id('trip'),
      world.id('driver'),
    ]
    world.trips.set(tripId, {
      tripId,
      driverId,
      passengerIds: [userId],
      bookingId: '',
      status: TripStatus.ACTIVE,
      version: 1,
      updatedAt: 0,
    })
    await node.trigger(userId, { alertId, tripId, location: PLACE })
    await node.client.acknowledgeAlert({ alertId, note: '' }, asAdmin)
    await node.client.resolveAlert({ alertId, notes: '' }, asAdmin)
    const asked = await until(() =>
      world.pushes.find(({ event }) => event.tripId === tripId && event.type === 'trip.tracking'),
    )
    expect(asked.event).toMatchObject({
      userIds: [driverId, userId],
      data: { intervalMs: 1_000, forMs: 120_000 },
    })
    expect(JSON.stringify(asked.event)).not.toMatch(/sos|alert/i)
    const toOthers = world.pushes.filter(
      ({ subject, event }) =>
        !subject.startsWith('push.user.') && subject !== 'push.admin' && event.tripId === tripId,
    )
    expect(toOthers.map(({ event }) => event.type)).toEqual(['trip.tracking'])
    expect(world.pushesTo(driverId)).toEqual([])
  })
})

describe('the ladder', () => {
  it('tells the people on duty of what nobody has taken, again and again, until someone does', async () => {
    await using own = await World.start()
    await using fast = await SosNode.start(own, {
      env: { SOS_ESCALATE_AFTER_MS: '200', SOS_ESCALATE_AGAIN_MS: '300', SOS_QUIET_MS: '60000' },
    })
    const alertId = own.id()
    await fast.trigger(own.id('ravi'), { alertId })
    const steps = await until(
      async () => {
        const queued = await own.queued()
        const found = queued.filter(
          ({ correlationId, recipients }) => correlationId === alertId && recipients === 'on_call',
        )
        return found.length >= 2 && found
      },
      { timeoutMs: 10_000 },
    )
    expect(steps.map(({ idempotencyKey }) => idempotencyKey.slice(-6))).toEqual([':esc:1', ':esc:2'])
    await fast.client.acknowledgeAlert({ alertId, note: '' }, asAdmin)
    const { alert } = await fast.client.getAlert({ alertId }, asAdmin)
    expect(alert?.escalations).toBeGreaterThanOrEqual(2)
    expect(own.eventsOf(alertId).some(({ type }) => type === 'sos.escalated')).toBe(true)
  })
})

describe('what is written down', () => {
  it('has no place, number or PIN in any log line', () => {
    const text = node.lines.join('\n')
    expect(node.lines.length).toBeGreaterThan(50)
    expect(text).not.toMatch(/17\.41|78\.44|"2580"|"1379"|share=/)
  })

  it('is whole: every alert’s audit trail', async () => {
    const documents = await world.alerts.find().toArray()
    expect(documents.length).toBeGreaterThan(300)
    const broken = documents.map((document) => findBrokenTrail(fromDocument(document)))
    expect(broken.filter((trail) => trail !== undefined)).toEqual([])
  })
})
