/**
 * An alert from the press of the button to its end: over the socket and over
 * REST, with the providers' side, the operations room, and everybody who must
 * not learn of it.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { type App, type Frame, openApp } from '@hushryd/edge/testing/app.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type SosUpdate } from '../../sdk/index.ts'
import {
  ALL_DONE,
  ask,
  call,
  callTo,
  eventOf,
  messagesOf,
  messageTo,
  openAdmin,
  putPerson,
  rest,
  SOS,
  signIn,
  trigger,
  triggerByRest,
  withDatabase,
} from '../testing/alerts.ts'
import { createTrip, Drive, join, openOn, seesPosition, type TestTrip } from '../testing/trip.ts'

const LOCATION = { lat: 17.41, lng: 78.47, accuracy: 6 }
const ON_CALL_PHONE = '+919800000001'
const PIN = '2468'
const DURESS_PIN = '1357'

let folder: string
let system: TestSystem
let phones = 0

beforeAll(async () => {
  folder = await mkdtemp(joinPath(tmpdir(), 'hushryd-alert-'))
  const onCall = joinPath(folder, 'on-call.json')
  await writeFile(onCall, JSON.stringify([{ name: 'Ravi', phone: ON_CALL_PHONE, locale: 'en' }]))
  system = await startSystem({
    programs: ['edge', 'sos', 'notify', 'maskcall'],
    env: { NOTIFY_ON_CALL_FILE: onCall, SOS_ESCALATE_AFTER_MS: '5000' },
  })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Scene {
  readonly trip: TestTrip
  readonly riderId: string
  readonly riderToken: string
  readonly contactPhone: string
  readonly alertId: string
}

/** A trip whose first rider has a contact and PINs. */
async function createScene(tripId: string, { locale = 'en-IN', riders = 1 } = {}): Promise<Scene> {
  const trip = await createTrip(system, tripId, riders)
  phones += 1
  const contactPhone = `+9198123${String(phones).padStart(5, '0')}`
  const [riderId = '', riderToken = ''] = [trip.riderIds[0], trip.riderTokens[0]]
  await putPerson(system, {
    userId: riderId,
    name: 'Asha',
    locale,
    contacts: [{ name: 'Amma', phone: contactPhone }],
  })
  const body = { pin: PIN, duressPin: DURESS_PIN }
  await ask(system, { method: 'PUT', path: `/v1/users/${riderId}/sos-pins`, token: riderToken, body })
  return { trip, riderId, riderToken, contactPhone, alertId: randomUUID() }
}

async function asAdmin(
  admin: { readonly token: string },
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  return await ask(system, { method, path, token: admin.token, body })
}

test('over the socket: all legs are done, the contact gets SMS and WhatsApp with a live link, operations take it and close it', async () => {
  const { trip, riderToken, contactPhone, alertId } = await createScene('socket')
  using rider = await openOn(system, 0, riderToken)
  using admin = await openAdmin(system)
  const answer = await trigger(rider, { alertId, tripId: 'socket', location: LOCATION })
  expect(answer).toMatchObject({ alertId, status: 'ACTIVE', legs: ALL_DONE })

  const sms = await messageTo(system, contactPhone, 'sms')
  const whatsapp = await messageTo(system, contactPhone, 'whatsapp')
  expect(sms.body).toContain('Asha needs help')
  const [link = ''] = /http\S+share=\S+/.exec(sms.body) ?? []
  expect(whatsapp.body).toContain(link)
  expect(link).toContain('/live?trip=socket&share=')

  using driver = await openOn(system, 0, trip.driverToken)
  using viewer = await openApp({ url: viewerUrl(link) })
  expect(viewer.welcome).toMatchObject({ role: 'viewer' })
  await join(viewer, 'socket')
  await seesPosition(viewer, new Drive('socket').report(driver))

  expect(await eventOf(rider, 'sos.contact_reached', alertId)).toMatchObject({ contact: 0 })
  const taken = await asAdmin(admin, 'POST', `/v1/sos/${alertId}:acknowledge`, { note: 'calling' })
  expect(taken).toMatchObject({ status: 'RESPONDING', acknowledgedBy: 'meera' })
  expect(await eventOf(rider, 'sos.acknowledged', alertId)).toMatchObject({ by: 'operations' })
  expect(await eventOf(admin, 'sos.acknowledged', alertId)).toMatchObject({ by: 'meera' })
  await asAdmin(admin, 'POST', `/v1/sos/${alertId}:resolve`, { notes: 'safe at home' })
  await eventOf(rider, 'sos.resolved', alertId)
  await eventOf(admin, 'sos.resolved', alertId)

  const seen = await asAdmin(admin, 'GET', `/v1/sos/${alertId}`)
  const audit = seen.audit as readonly { readonly action: string }[]
  expect(audit.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['triggered', 'contact', 'acknowledged', 'resolved']),
  )
  const own = await ask(system, { path: `/v1/sos/${alertId}`, token: riderToken })
  expect(own).toMatchObject({ status: 'RESOLVED', acknowledgedBy: 'operations', notes: '', audit: [] })
})

test('over REST, without a trip and a place: all legs are done, and the contact is called, in the language of the person', async () => {
  await putPerson(system, {
    userId: 'lakshmi',
    name: 'Lakshmi',
    locale: 'te-IN',
    contacts: [{ name: 'Nanna', phone: '+919812300901', voiceCall: true }],
  })
  const token = await signIn(system, 'lakshmi', 'passenger')
  const alertId = randomUUID()
  expect(await triggerByRest(system, token, { alertId }, 1)).toMatchObject({
    status: 'ACTIVE',
    legs: ALL_DONE,
  })
  const sms = await messageTo(system, '+919812300901', 'sms')
  expect(sms.body).toContain('Lakshmi గారికి సహాయం కావాలి')
  const whatsapp = await messageTo(system, '+919812300901', 'whatsapp')
  expect(whatsapp.body).toContain('ఇంకా తెలియదు')
  expect((await callTo(system, '+919812300901')).heard).toContain('Lakshmi సహాయం కోరారు')
  await until(
    async () => {
      const { contacts } = await ask(system, { path: `/v1/sos/${alertId}`, token })
      return (contacts as readonly { readonly channel: string }[]).some(({ channel }) => channel === 'voice')
    },
    { timeoutMs: 30_000, what: 'the call on the alert' },
  )
})

test('a retry is the same alert, however it comes, and tells nobody twice', async () => {
  const { riderToken, contactPhone, alertId } = await createScene('retry')
  using rider = await openOn(system, 0, riderToken)
  const first = await trigger(rider, { alertId, tripId: 'retry' })
  const again = await Promise.all([
    trigger(rider, { alertId, tripId: 'retry' }),
    triggerByRest(system, riderToken, { alertId, tripId: 'retry' }, 0),
    triggerByRest(system, riderToken, { alertId, tripId: 'retry' }, 1),
  ])
  for (const answer of again) expect(answer).toEqual(first)
  await eventOf(rider, 'sos.contact_reached', alertId)
  expect(await messagesOf(system, { to: contactPhone, channel: 'sms' })).toHaveLength(1)
  expect(await withDatabase(system, (alerts) => alerts.countDocuments({ tripId: 'retry' }))).toBe(1)
})

test('an admin who watches sees an alert when it is raised, wherever he is connected', async () => {
  const { riderToken, alertId } = await createScene('watched')
  using admin = await openAdmin(system)
  admin.send({ id: 'watch', call: { method: `${SOS}/WatchAlerts`, request: {} } })
  await admin.next(({ id, next }) => id === 'watch' && (next as Frame).caughtUp === true, 15_000)
  using rider = await openOn(system, 0, riderToken)
  await trigger(rider, { alertId, tripId: 'watched' })
  const { next } = await admin.next(
    (frame) => frame.id === 'watch' && alertOf(frame)?.alertId === alertId,
    15_000,
  )
  expect((next as { readonly alert: object }).alert).toMatchObject({ userId: 'watched-rider-0', audit: [] })
})

test('an alert that nobody takes is told to the people on duty, and taking it stops that', async () => {
  const { riderToken, alertId } = await createScene('untaken')
  using admin = await openAdmin(system)
  await triggerByRest(system, riderToken, { alertId, tripId: 'untaken' })
  expect(await eventOf(admin, 'sos.escalated', alertId)).toMatchObject({ escalations: 1 })
  await until(
    async () => (await messagesOf(system, { to: ON_CALL_PHONE })).some(({ body }) => body.includes(alertId)),
    { timeoutMs: 30_000, what: 'a message to the one on duty' },
  )
  const taken = await asAdmin(admin, 'POST', `/v1/sos/${alertId}:acknowledge`, {})
  expect(taken).toMatchObject({ status: 'RESPONDING', escalations: 1 })
})

test('the PIN calls an alert off; the duress PIN answers the same, and operations go on', async () => {
  const real = await createScene('real')
  const forced = await createScene('forced')
  using admin = await openAdmin(system)
  const views: Record<string, unknown>[] = []
  for (const [{ alertId, riderToken }, tripId, pin] of [
    [real, 'real', PIN],
    [forced, 'forced', DURESS_PIN],
  ] as const) {
    using rider = await openOn(system, 0, riderToken)
    await trigger(rider, { alertId, tripId })
    await eventOf(rider, 'sos.contact_reached', alertId)
    const wrong = await rest(system, {
      method: 'POST',
      path: `/v1/sos/${alertId}:cancel`,
      token: riderToken,
      body: { pin: '9999' },
    })
    expect(wrong.body).toMatchObject({ reason: 'WRONG_PIN' })
    const { alert } = await call(rider, `${SOS}/CancelAlert`, { alertId, pin })
    views.push(alert as Record<string, unknown>)
    await eventOf(rider, 'sos.cancelled', alertId)
  }
  const [cancelled = {}, duress = {}] = views.map(withoutIdentity)
  expect(duress).toEqual(cancelled)
  expect(cancelled).toMatchObject({ status: 'CANCELLED' })

  await eventOf(admin, 'sos.duress', forced.alertId)
  const forOperations = await asAdmin(admin, 'GET', `/v1/sos/${forced.alertId}`)
  expect(forOperations).toMatchObject({ duress: true })
  expect(forOperations.status).not.toBe('CANCELLED')
  expect(await asAdmin(admin, 'GET', `/v1/sos/${real.alertId}`)).toMatchObject({ status: 'CANCELLED' })
  // What operations do after the duress PIN stays theirs.
  using phone = await openOn(system, 0, forced.riderToken)
  await asAdmin(admin, 'POST', `/v1/sos/${forced.alertId}:acknowledge`, {})
  await asAdmin(admin, 'POST', `/v1/sos/${forced.alertId}:resolve`, {})
  await eventOf(admin, 'sos.resolved', forced.alertId)
  const own = await ask(system, { path: `/v1/sos/${forced.alertId}`, token: forced.riderToken })
  expect(own).toMatchObject({ status: 'CANCELLED', acknowledgedBy: '' })
  await call(phone, `${SOS}/GetAlert`, { alertId: forced.alertId })
  expect(phone.frames.filter(({ event }) => event !== undefined && !isTrackingWish(event))).toEqual([])
})

test('the other side of the trip learns nothing: no event, no frame, no answer that differs', async () => {
  const { trip, riderToken, alertId } = await createScene('secret', { riders: 2 })
  const { driverToken } = trip
  using driver = await openOn(system, 0, driverToken)
  using other = await openOn(system, 1, trip.riderTokens[1])
  const share = await ask(system, {
    method: 'POST',
    path: '/v1/trips/secret/share',
    token: driverToken,
    body: {},
  })
  using viewer = await openApp({ url: viewerUrl(String(share.url)) })
  for (const app of [driver, other, viewer]) await join(app, 'secret')
  const drive = new Drive('secret')
  await seesPosition(other, drive.report(driver))
  const answersTo = async (token: string, id: string) =>
    await Promise.all(
      [
        { path: '/v1/trips/secret/location' },
        { path: `/v1/sos/${id}` },
        { path: '/v1/sos' },
        { method: 'POST', path: `/v1/sos/${id}:cancel`, body: { pin: PIN } },
        { method: 'POST', path: `/v1/sos/${id}:acknowledge`, body: {} },
      ].map(async (request) => {
        const { status, body } = await rest(system, { ...request, token })
        const { requestId: _requestId, ...content } = body
        return JSON.stringify({ status, content }).replaceAll(id, 'ID')
      }),
    )
  const before = await answersTo(driverToken, randomUUID())
  for (const app of [driver, other, viewer]) app.frames.length = 0

  using rider = await openOn(system, 0, riderToken)
  using admin = await openAdmin(system)
  await trigger(rider, { alertId, tripId: 'secret', location: LOCATION })
  await eventOf(rider, 'sos.contact_reached', alertId)
  expect(await answersTo(driverToken, alertId)).toEqual(before)
  await asAdmin(admin, 'POST', `/v1/sos/${alertId}:acknowledge`, {})
  await asAdmin(admin, 'POST', `/v1/sos/${alertId}:resolve`, {})
  await eventOf(admin, 'sos.resolved', alertId)
  // A position goes the same way as what would tell them, behind it.
  const last = drive.report(driver)
  for (const app of [other, viewer]) await seesPosition(app, last)
  await call(driver, 'hushryd.location.v1.LocationService/GetLatestLocation', { tripId: 'secret' })
  for (const app of [driver, other, viewer]) expect(kindsOf(app)).toEqual([])
})

test('the SDK’s alert survives the death of its edge, and is one alert', async () => {
  const { riderToken, contactPhone } = await createScene('dying')
  using stack = new DisposableStack()
  const client = createClient({ endpoints: [...system.edgeUrls], token: riderToken })
  stack.defer(() => client.close())
  client.connect()
  await until(() => client.state === 'open', { timeoutMs: 15_000, what: 'the connection' })
  const killed = Promise.all([system.process('edge-1').kill('SIGKILL')])
  const updates: SosUpdate[] = []
  const alert = client.raiseSos({ tripId: 'dying', location: LOCATION })
  alert.on('update', (update) => updates.push(update))
  expect(await alert.received).toMatchObject({ alertId: alert.alertId, status: 'ACTIVE' })
  await killed
  await messageTo(system, contactPhone, 'sms')
  expect(await withDatabase(system, (alerts) => alerts.countDocuments({ tripId: 'dying' }))).toBe(1)
  await system.process('edge-1').restart()
  using admin = await openAdmin(system)
  await until(() => client.state === 'open', { timeoutMs: 30_000, what: 'the connection to the other edge' })
  await asAdmin(admin, 'POST', `/v1/sos/${alert.alertId}:acknowledge`, {})
  await until(
    () => updates.some((update) => update.step === 'event' && update.event.type === 'sos.acknowledged'),
    { timeoutMs: 15_000, what: 'the word that someone has taken it' },
  )
})

function viewerUrl(link: string): string {
  const share = new URL(link).searchParams.get('share') ?? ''
  return `${system.edgeUrls[1]}/v1/ws?share=${share}`.replace(/^http/, 'ws')
}

function alertOf({ next }: Frame): { readonly alertId: string } | undefined {
  return (next as { readonly alert?: { readonly alertId: string } } | undefined)?.alert
}

/** What two alerts of two people cannot have in common. */
function withoutIdentity(alert: Record<string, unknown>): Record<string, unknown> {
  const { alertId, userId, tripId, triggeredAt, closedAt, contacts, version, ...rest } = alert
  expect([alertId, userId, tripId, contacts].every(Boolean)).toBe(true)
  expect(Number(closedAt)).toBeGreaterThanOrEqual(Number(triggeredAt))
  expect(Number(version)).toBeGreaterThan(0)
  return { ...rest, fields: Object.keys(alert).toSorted() }
}

/** The neutral wish for more positions, which every trip gets now and then. */
function isTrackingWish(event: unknown): boolean {
  return (event as { readonly type: string }).type === 'trip.tracking'
}

/** What came beside positions and the wish for more of them. */
function kindsOf(app: App): string[] {
  return app.frames.flatMap((frame) => {
    const { trip, event, id } = frame as { trip?: unknown; event?: { type: string }; id?: string }
    if (trip !== undefined || (event !== undefined && isTrackingWish(event))) return []
    return [event?.type ?? id ?? JSON.stringify(frame)]
  })
}
