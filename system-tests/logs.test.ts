/**
 * Invariant: no phone number, token, PIN, key or place is in any log line of
 * any process, at the level that logs most.
 * Method: people with known secrets sign in, drive, share, raise an alert and
 * are told of it, with failures of every kind in between; then every line that
 * any process has written is searched for each secret in its common writings.
 */
import { randomUUID } from 'node:crypto'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, eventOf, messageTo, openAdmin, putPerson, rest, setFault, trigger } from './testing/alerts.ts'
import { createTrip, join, openOn, seesPosition } from './testing/trip.ts'

const RIDER_PHONE = '+919876512340'
const DRIVER_PHONE = '+919876512341'
const CONTACT_PHONE = '+919876512342'
const EMAIL = 'asha.rao.private@example.com'
const PUSH_TOKEN = 'push-token-4f9d2c81aa'
const PIN = '73915026'
const DURESS_PIN = '62840917'
/** Digits that come about by chance nowhere else. */
const PLACES = [
  { lat: 17.385044, lng: 78.486671 },
  { lat: 17.385052, lng: 78.486683 },
] as const
const SOS_PLACE = { lat: 17.361623, lng: 78.474757, accuracy: 7 }
const NUMBERS = [RIDER_PHONE, DRIVER_PHONE, CONTACT_PHONE]

let system: TestSystem
const lines: { readonly process: string; readonly line: string }[] = []

beforeAll(async () => {
  system = await startSystem({
    env: { LOG_LEVEL: 'debug', SOS_ESCALATE_AFTER_MS: '1500' },
    onLine: (process, line) => lines.push({ process, line }),
  })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

/** Digits as people and programs write them. */
function phoneWritings(phone: string): string[] {
  const national = phone.slice(3)
  const [head, tail] = [national.slice(0, 5), national.slice(5)]
  return [national, `${head} ${tail}`, `${head}-${tail}`]
}

/** Also cut to what is still within some 10 metres. */
function placeWritings({ lat, lng }: { readonly lat: number; readonly lng: number }): string[] {
  return [lat, lng].map((degrees) => degrees.toFixed(5).slice(0, -1))
}

function writingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [secret, encodeURIComponent(secret), bytes.toString('base64url'), bytes.toString('hex')].map(
    (text) => text.replace(/=+$/, ''),
  )
}

/** Each with what it is, for the message of a failure: the secret itself is not repeated there. */
function forbidden(secrets: ReadonlyMap<string, string>): { readonly what: string; readonly text: string }[] {
  return [
    ...NUMBERS.flatMap((phone) => phoneWritings(phone).map((text) => ({ what: 'a phone number', text }))),
    ...[...PLACES, SOS_PLACE].flatMap((place) =>
      placeWritings(place).map((text) => ({ what: 'a place', text })),
    ),
    ...[...secrets].flatMap(([what, secret]) => writingsOf(secret).map((text) => ({ what, text }))),
  ]
}

async function linkIn(phone: string): Promise<string> {
  const { body } = await messageTo(system, phone, 'sms')
  return /share=([\w-]+)/.exec(body)?.[1] ?? ''
}

test('no phone number, token, PIN, key or place is in any line that any process writes', {
  timeout: 240_000,
}, async () => {
  const trip = await createTrip(system, 'logs', 1)
  const { driverToken } = trip
  const [riderToken = '', riderId = ''] = [trip.riderTokens[0], trip.riderIds[0]]
  const secrets = new Map([
    ['the driver’s token', driverToken],
    ['the rider’s token', riderToken],
    ['the service key', system.serviceKey],
    ['the peers’ key', system.plan.keys.peerKey],
    ['the keys of sos', keyOf('SOS_KEYS')],
    ['the keys of notify', keyOf('NOTIFY_KEYS')],
    ['the keys of the directory', keyOf('DIRECTORY_KEYS')],
    ['an e-mail address', EMAIL],
    ['a push token', PUSH_TOKEN],
    ['a PIN', PIN],
    ['a duress PIN', DURESS_PIN],
  ])
  const profile = { phone: RIDER_PHONE, whatsapp: RIDER_PHONE, email: EMAIL, pushTokens: [PUSH_TOKEN] }
  await putPerson(system, { userId: riderId, contacts: [{ name: 'Amma', phone: CONTACT_PHONE }] })
  await ask(system, { method: 'PUT', path: `/v1/users/${riderId}`, body: { name: 'Asha', ...profile } })
  await ask(system, {
    method: 'PUT',
    path: `/v1/users/${trip.driverId}`,
    body: { name: 'Ravi', phone: DRIVER_PHONE },
  })
  await ask(system, {
    method: 'PUT',
    path: `/v1/users/${riderId}/sos-pins`,
    token: riderToken,
    body: { pin: PIN, duressPin: DURESS_PIN },
  })

  using driver = await openOn(system, 0, driverToken)
  using rider = await openOn(system, 1, riderToken)
  await join(rider, 'logs')
  for (const place of PLACES) {
    const timestampMs = Date.now()
    driver.send({ location: { tripId: 'logs', ...place, accuracy: 5, speed: 8, heading: 0, timestampMs } })
    await seesPosition(rider, timestampMs)
  }
  const { ticket } = await ask(system, {
    method: 'POST',
    path: '/v1/ws-tickets',
    token: riderToken,
    body: {},
  })
  secrets.set('a ticket', String(ticket))
  const share = await ask(system, {
    method: 'POST',
    path: '/v1/trips/logs/share',
    token: riderToken,
    body: {},
  })
  secrets.set('a share link', new URL(String(share.url)).searchParams.get('share') ?? '')
  await ask(system, { path: `/v1/drivers/nearby?lat=${PLACES[0].lat}&lng=${PLACES[0].lng}&radiusM=500` })

  using admin = await openAdmin(system)
  secrets.set('the admin’s token', admin.token)
  const alertId = randomUUID()
  await trigger(rider, { alertId, tripId: 'logs', location: SOS_PLACE })
  secrets.set('the contacts’ link', await linkIn(CONTACT_PHONE))
  await eventOf(rider, 'sos.contact_reached', alertId)
  await eventOf(admin, 'sos.escalated', alertId)
  await ask(system, { path: `/v1/sos/${alertId}`, token: admin.token })

  await failInAllWays({ alertId, riderId, riderToken })
  await system.process('sos').kill('SIGTERM')
  await system.process('notify').kill('SIGTERM')

  const processes = new Set(lines.map(({ process }) => process))
  for (const name of ['directory', 'location', 'sandbox', 'notify', 'sos', 'edge-1', 'edge-2'])
    expect(processes).toContain(name)
  // They are read as they are written: what may be there is found.
  for (const name of ['sos', 'notify']) {
    const own = lines.filter(({ process }) => process === name)
    expect(own.some(({ line }) => line.includes(name === 'sos' ? alertId : 'notificationId'))).toBe(true)
  }
  const writings = forbidden(secrets)
  for (const { what, text } of writings) expect(text.length, what).toBeGreaterThanOrEqual(7)
  const found = lines.flatMap(({ process, line }) =>
    writings
      .filter(({ text }) => line.includes(text))
      .map(({ what, text }) => ({
        process,
        what,
        line: line.replaceAll(text, '…'),
      })),
  )
  expect(found).toEqual([])
})

/** Refusals, wrong PINs and numbers, providers and stores that are away: what errors say is logged as well. */
async function failInAllWays(of: {
  readonly alertId: string
  readonly riderId: string
  readonly riderToken: string
}): Promise<void> {
  const { alertId, riderId, riderToken: token } = of
  const refused = [
    { method: 'POST', path: `/v1/sos/${alertId}:cancel`, token, body: { pin: DURESS_PIN.slice(1) } },
    { method: 'PUT', path: `/v1/users/${riderId}`, body: { name: 'Asha', phone: `${RIDER_PHONE}x` } },
    {
      method: 'PUT',
      path: `/v1/users/${riderId}/emergency-contacts`,
      token,
      body: { contacts: [{ phone: CONTACT_PHONE }] },
    },
    {
      method: 'POST',
      path: '/v1/notifications',
      body: { userId: riderId, type: 'sms', template: RIDER_PHONE },
    },
    { path: `/v1/trips/logs/location`, token: `${token}x` },
    { method: 'POST', path: '/v1/sos', token, body: { alertId: `${RIDER_PHONE} ${SOS_PLACE.lat}` } },
    { path: `/v1/users/${RIDER_PHONE}/emergency-contacts`, token },
  ]
  for (const request of refused) expect((await rest(system, request)).status).toBeGreaterThanOrEqual(400)

  await setFault(system, { provider: 'twilio', mode: 'down' })
  await setFault(system, { provider: 'whatsapp', mode: 'fail' })
  for (const store of ['mongo', 'nats', 'valkey']) {
    await system.process(store).kill('SIGKILL')
    const body = { alertId: randomUUID(), location: SOS_PLACE }
    await rest(system, { method: 'POST', path: '/v1/sos', token, body })
    await rest(system, {
      method: 'PUT',
      path: `/v1/users/${riderId}`,
      body: { name: 'Asha', phone: RIDER_PHONE },
    })
    await system.process(store).restart()
    // By the backend's key: what Redis held of sessions is gone with it.
    const path = `/v1/users/${riderId}/emergency-contacts`
    const isBack = async (): Promise<boolean> => (await rest(system, { path })).status === 200
    await until(isBack, { timeoutMs: 30_000, what: `${store} again` })
  }
  const update = {
    userId: riderId,
    type: 'sms',
    template: 'ride_update',
    data: { update: 'Your ride is here.' },
  }
  await ask(system, { method: 'POST', path: '/v1/notifications', body: { ...update, priority: 'high' } })
  await messageTo(system, RIDER_PHONE, 'sms')
}

/** Without its id. */
function keyOf(setting: string): string {
  return system.plan.keys.valueOf(setting).trim().split(':')[1] ?? ''
}
