/**
 * The operations page in a real browser, on the whole system: what a person on
 * duty does in each view, as that person does it.
 */
import { makePhoto } from '@hushryd/docs/testing/sample-files.ts'
import { findBrowser } from '@hushryd/local/browser.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { type Browser, chromium, type Locator } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createClient } from '../../sdk/index.ts'
import { ask, messageTo, putPerson, SOS, setFault, signIn, triggerByRest } from '../testing/alerts.ts'
import { CityCars } from './city-cars.ts'
import { type OperationsRoom, openRoom, PATIENCE, VIEWS } from './operations-room.ts'
import { Wire } from './wire.ts'

/** The first time a browser is downloaded. */
const SET_UP_MS = 10 * 60_000
/** axe looks at seven views, each painted without a GPU. */
const ALL_VIEWS_MS = 5 * 60_000
const PROGRAMS = ['edge', 'sos', 'maskcall', 'admin', 'docs', 'location-history']
const RIDER = 'rider-anita'
const DRIVER = 'driver-imran'
const TRIP = 'trip-one'

let system: TestSystem
let cars: CityCars
let browser: Browser
let room: OperationsRoom
let wire: Wire
let adminToken: string
let riderToken: string
let driverToken: string

beforeAll(async () => {
  const { path, env } = await findBrowser(process.env.CHROMIUM_PATH)
  // Messages to people wait in no evening until the next morning.
  system = await startSystem({ programs: PROGRAMS, env: { NOTIFY_QUIET_HOURS: '00:00-00:00' } })
  browser = await chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env },
    // No sandbox: containers have none. SwiftShader: machines for tests have no GPU.
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  })
  await putPerson(system, { userId: RIDER, contacts: [{ name: 'Ma', phone: '+919876500011' }] })
  riderToken = await signIn(system, RIDER, 'passenger')
  driverToken = await signIn(system, DRIVER, 'driver')
  adminToken = await signIn(system, 'ops-meera', 'admin')
  cars = new CityCars(system.edgeUrls, system.serviceKey)
  room = await openRoom(browser)
  wire = new Wire()
  await wire.lay(room.page)
}, SET_UP_MS)

afterAll(async () => {
  await browser?.close()
  cars?.[Symbol.dispose]()
  await system?.[Symbol.asyncDispose]()
})

function edgeUrl(): string {
  return system.edgeUrls[0] ?? ''
}

async function raiseAlert(alertId: string): Promise<void> {
  const location = { lat: 37.772, lng: -122.43, accuracy: 8 }
  await triggerByRest(system, riderToken, { alertId, tripId: TRIP, location })
}

/** A photo of a document, sent in as the driver's app does; answers the document's id once it waits for review. */
async function upload(documentType: string): Promise<string> {
  const client = createClient({ endpoints: system.edgeUrls, token: driverToken })
  const file = await makePhoto({ format: 'png', width: 480, height: 300 })
  const { documentId } = await client.uploadDocument({ documentType, file })
  client.close()
  return documentId
}

async function seesPicture(view: Locator): Promise<void> {
  const picture = view.getByRole('img')
  await vi.waitFor(async () => {
    const widthPx = await picture.evaluate((image: { readonly naturalWidth?: number }) => image.naturalWidth)
    expect(widthPx).toBeGreaterThan(0)
  }, PATIENCE)
}

test('someone who is not of operations is told so, and sees nothing', async () => {
  const stranger = await openRoom(browser)
  await stranger.signIn(edgeUrl(), riderToken)
  await stranger.page.getByRole('alert').getByText('not one of operations staff').waitFor()
  expect(await stranger.page.getByRole('navigation').count()).toBe(0)
  await stranger.signIn(edgeUrl(), 'nobody.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
  await stranger.page.getByRole('alert').getByText('not valid').waitFor()
  await stranger.isAccessible('the door')
  await stranger.page.close()
})

test('a sign-in link lets in, and its token is gone from the address', async () => {
  const guest = await openRoom(browser)
  await guest.page.goto(`${edgeUrl()}/admin#token=${encodeURIComponent(adminToken)}`)
  await guest.isLive()
  expect(guest.page.url()).not.toContain('token')
  await guest.page.reload()
  await guest.isLive()
  await guest.page.getByRole('button', { name: 'Sign out' }).click()
  await guest.page.getByLabel('Session token').waitFor()
  await guest.page.reload()
  await guest.page.getByLabel('Session token').waitFor()
  await guest.page.close()
})

test('the map shows the trips that are under way, and of a chosen one its way and its people', async () => {
  await cars.drive(TRIP, 0)
  await cars.drive('trip-two', 500)
  await cars.drive('trip-three', -500)
  const trip = { driverId: `driver-of-${TRIP}`, passengerIds: [RIDER], status: 'ACTIVE' }
  await ask(system, { method: 'PUT', path: `/v1/trips/${TRIP}`, body: trip })
  await room.signIn(edgeUrl(), adminToken)
  await room.isLive()
  const map = await room.show('Live map')
  await vi.waitFor(async () => {
    expect(await map.locator('[data-counter="in-view"] dd').textContent()).toBe('3')
  }, PATIENCE)
  await map.getByLabel('Find a trip by its id').fill(TRIP)
  await room.page.keyboard.press('Enter')
  const card = map.getByRole('region', { name: `Trip ${TRIP}` })
  await card.getByText(RIDER).waitFor()
  await card.getByText(`driver-of-${TRIP}`).waitFor()
  await vi.waitFor(async () => {
    expect(Number.parseFloat((await card.locator('[data-trail]').textContent()) ?? '')).toBeGreaterThan(0)
  }, PATIENCE)
  await room.picture('map')
})

test('where no demo runs there is no test alert', async () => {
  const alerts = await room.show('SOS')
  await alerts.getByText('No open alert.').waitFor()
  expect(await alerts.getByRole('button', { name: 'Raise a test alert' }).count()).toBe(0)
  await room.show('Live map')
})

test('an alert is seen and heard in every view, until someone takes it', async () => {
  await room.alarmIs('quiet')
  await raiseAlert('alert-one')
  // The map is still in front.
  await room.alarmBar.getByText('1 alert waits').waitFor()
  await room.alarmBar.getByText(RIDER).first().waitFor()
  await room.alarmIs('sounding')
  await vi.waitFor(async () => expect(await room.page.title()).toContain('(1)'), PATIENCE)
  await room.press('m')
  await room.alarmIs('muted')
  await room.press('m')
  await room.alarmIs('sounding')
  await room.press('a')
  const alert = room.page.getByRole('article', { name: `SOS ${RIDER}` })
  await alert.getByText('Nobody has it').waitFor()
  await alert.getByText('1 contact reached').waitFor()
  await room.picture('alert')
  await room.alarmBar.getByRole('button', { name: 'Acknowledge' }).click()
  await alert.getByText('In hand', { exact: true }).waitFor()
  await room.alarmBar.getByText('No alert waits').waitFor()
  await room.alarmIs('quiet')
  await vi.waitFor(async () => expect(await room.page.title()).toBe('HushRyd operations'), PATIENCE)
})

test('an alert is handed on and resolved with notes, and all of that is on record', async () => {
  const alert = room.page.getByRole('article', { name: `SOS ${RIDER}` })
  await alert.getByLabel('Staff id').fill('ops-ravi')
  await alert.getByRole('button', { name: 'Assign', exact: true }).click()
  await alert.getByText('ops-ravi').first().waitFor()
  await alert.getByRole('button', { name: 'Resolve…' }).click()
  await alert.getByRole('button', { name: 'Resolve', exact: true }).click()
  await alert.getByText('Write what was done first.').waitFor()
  await alert.getByLabel('What was done').fill('Spoke with her; she is home.')
  await alert.getByRole('button', { name: 'Resolve', exact: true }).click()
  await alert.getByText('Resolved', { exact: true }).waitFor()
  const audit = alert.getByRole('region', { name: 'Audit trail' })
  for (const action of ['triggered', 'acknowledged', 'assigned', 'resolved']) {
    await audit.getByText(action, { exact: true }).first().waitFor()
  }
  await audit.getByText('The record is whole.').waitFor()
  await room.page.getByRole('button', { name: 'Closed' }).click()
  await room.page.getByRole('list').getByText(RIDER).waitFor()
})

test('events come in their order without a gap, through the filter that was asked for', async () => {
  const events = await room.show('Events')
  const feed = events.getByRole('list', { name: 'Events' })
  await feed.getByText('sos.resolved').waitFor()
  const booking = { eventId: 'booking-1', type: 'booking.created', tripId: TRIP, region: 'Pune' }
  await ask(system, { method: 'POST', path: '/v1/events', body: booking })
  await feed.getByText('booking.created').waitFor()
  await events.getByLabel('Type').fill('booking')
  await events.getByRole('button', { name: 'Apply' }).click()
  await feed.getByText('booking.created').waitFor()
  await vi.waitFor(async () => expect(await feed.getByText('sos.').count()).toBe(0), PATIENCE)
  await room.press('p')
  await ask(system, { method: 'POST', path: '/v1/events', body: { ...booking, eventId: 'booking-2' } })
  await events.getByRole('button', { name: 'Resume (1 new)' }).click()
  await vi.waitFor(async () => expect(await feed.getByRole('listitem').count()).toBe(2), PATIENCE)
  await events.getByText('No gap').waitFor()
  await room.picture('events')
  await events.getByRole('button', { name: 'Clear' }).click()
  await feed.getByText('sos.resolved').waitFor()
  await events.getByRole('button', { name: 'Archive' }).click()
  await events.getByLabel('Person').fill(RIDER)
  await events.getByRole('button', { name: 'Search' }).click()
  await events.getByRole('list', { name: 'Archive' }).getByText('sos.triggered').waitFor()
})

test('documents are looked at, approved, and rejected for a reason that their owner reads', async () => {
  const first = await upload('license')
  const second = await upload('insurance')
  const documents = await room.show('Documents')
  await documents.getByRole('button', { name: 'Licence' }).click()
  const licence = documents.getByRole('article', { name: 'Licence' })
  await licence.getByText(first).waitFor()
  await seesPicture(licence)
  await room.picture('document')
  await licence.getByRole('button', { name: 'Approve' }).click()
  await licence.getByText('Approved', { exact: true }).waitFor()
  await documents.getByRole('button', { name: 'Insurance' }).click()
  const insurance = documents.getByRole('article', { name: 'Insurance' })
  await insurance.getByText(second).waitFor()
  await insurance.getByRole('button', { name: 'Reject…' }).click()
  await insurance.getByRole('button', { name: 'Reject', exact: true }).click()
  await insurance.getByText('A rejection needs a reason.').waitFor()
  await insurance.getByRole('button', { name: 'The document has expired.' }).click()
  await insurance.getByRole('button', { name: 'Reject', exact: true }).click()
  await insurance.getByText('Rejected', { exact: true }).waitFor()
  await insurance.getByText('There is no file to show.').waitFor()
  const path = `/v1/documents/${second}`
  expect(await ask(system, { path, token: driverToken })).toMatchObject({
    state: 'REJECTED',
    rejectionText: expect.stringContaining('expired'),
  })
})

test('an Aadhaar card is opened for a reason alone, which is on record', async () => {
  const id = await upload('aadhar')
  const documents = await room.show('Documents')
  await vi.waitFor(async () => expect(await documents.getByText(id).count()).toBe(0), PATIENCE)
  await documents.getByLabel('Type').selectOption('aadhar')
  await documents.getByRole('button', { name: 'Aadhaar' }).click()
  const card = documents.getByRole('article', { name: 'Aadhaar' })
  await card.getByLabel('Reason').fill('x')
  await card.getByRole('button', { name: 'Open', exact: true }).click()
  await card.getByText('At least five characters.').waitFor()
  expect(await card.getByRole('img').count()).toBe(0)
  await card.getByLabel('Reason').fill('The name is compared with the licence.')
  await card.getByRole('button', { name: 'Open', exact: true }).click()
  await seesPicture(card)
  const events = await room.show('Events')
  await events.getByRole('listitem').filter({ hasText: 'document.opened' }).getByText('ops-meera').waitFor()
})

test('a message that was given up is sent again, and arrives', async () => {
  const phone = '+919876500099'
  const userId = 'rider-bina'
  await ask(system, { method: 'PUT', path: `/v1/users/${userId}`, body: { name: 'Bina', phone } })
  // Each for this message alone, so that neither is cut off.
  await setFault(system, { provider: 'twilio', mode: 'refuse', code: '21612' })
  await setFault(system, { provider: 'msg91', mode: 'refuse', code: '310' })
  const request = { userId, type: 'sms', template: 'ride_update', data: { update: 'Your car is near.' } }
  await ask(system, { method: 'POST', path: '/v1/notifications', body: request })
  const messages = await room.show('Messages')
  const letter = messages.getByRole('listitem').filter({ hasText: userId })
  await letter.getByText('sms/twilio NOT_SENT 21612').waitFor()
  await messages.getByRole('rowheader', { name: 'twilio' }).waitFor()
  await room.picture('messages')
  await setFault(system, { provider: 'twilio', mode: 'ok' })
  await setFault(system, { provider: 'msg91', mode: 'ok' })
  await letter.getByRole('button', { name: 'Send again' }).click()
  await letter.waitFor({ state: 'detached' })
  expect((await messageTo(system, phone, 'sms')).body).toContain('Your car is near.')
})

test('the page comes back by itself after its connection was cut, and has missed nothing', async () => {
  await room.show('Events')
  await wire.cut()
  await room.page.locator('[data-link="waiting"], [data-link="connecting"]').first().waitFor()
  await room.page.getByText('What you see may be old.').waitFor()
  const booking = { eventId: 'booking-3', type: 'booking.created', tripId: TRIP }
  await ask(system, { method: 'POST', path: '/v1/events', body: booking })
  wire.mend()
  await room.isLive()
  const feed = room.page.getByRole('list', { name: 'Events' })
  await vi.waitFor(async () => expect(await feed.getByText('booking.created').count()).toBe(3), PATIENCE)
  await room.page.getByText('No gap').waitFor()
})

test('while alerts do not come in, nobody is told that all is calm', async () => {
  await room.alarmBar.getByText('No alert waits').waitFor()
  wire.takeAway(`${SOS}/WatchAlerts`)
  await room.alarmBar.getByText('Alerts are not coming in.').waitFor()
  wire.bringBack()
  await room.alarmBar.getByText('No alert waits').waitFor()
})

test('an edge is drained after a question, its connections go to the others, and it is taken back', async () => {
  const fleet = await room.show('Fleet')
  const edge = fleet.getByRole('row').filter({ has: room.page.getByRole('rowheader', { name: 'edge-2' }) })
  await edge.getByText('Serving').waitFor()
  await edge.getByRole('button', { name: 'Drain' }).click()
  const question = room.page.getByRole('dialog', { name: 'Drain edge-2?' })
  await question.getByRole('button', { name: 'Cancel' }).click()
  await question.waitFor({ state: 'detached' })
  await edge.getByRole('button', { name: 'Drain' }).click()
  await question.getByRole('button', { name: 'Drain' }).click()
  await edge.getByText('Draining').waitFor()
  await vi.waitFor(async () => {
    expect(await edge.locator('[data-connections]').getAttribute('data-connections')).toBe('0')
  }, PATIENCE)
  await room.picture('fleet')
  await edge.getByRole('button', { name: 'Take back' }).click()
  await edge.getByText('Serving').waitFor()
})

test(
  'every view can be reached by keys and used by ear, by day',
  async () => {
    await raiseAlert('alert-two')
    await room.alarmIs('sounding')
    await room.page.emulateMedia({ reducedMotion: 'reduce' })
    for (const [index, view] of VIEWS.entries()) {
      await room.press(String(index + 1))
      await room.page.getByRole('main', { name: view }).waitFor()
      if (view === 'SOS') await room.press('j')
      await room.isAccessible(`${view} by day`)
      await room.picture(`${view}-light`)
    }
    await room.press('?')
    await room.page.getByRole('dialog', { name: 'Keyboard' }).getByText('Mute or unmute').waitFor()
    await room.page.keyboard.press('Escape')
  },
  ALL_VIEWS_MS,
)

test(
  'every view can be read by night',
  async () => {
    await room.page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    for (const view of VIEWS) {
      await room.show(view)
      // What differs from the day is colour.
      await room.isAccessible(`${view} by night`, ['color-contrast'])
      await room.picture(`${view}-dark`)
    }
  },
  ALL_VIEWS_MS,
)

test('every view fits a phone', async () => {
  await room.page.setViewportSize({ width: 390, height: 844 })
  for (const view of VIEWS) {
    await room.show(view)
    await room.fitsWidth(view)
    await room.picture(`${view}-phone`)
  }
  await room.page.setViewportSize({ width: 1440, height: 900 })
})

test('the room speaks Hindi, and stays so', async () => {
  await room.page.getByLabel('Language').selectOption('hi')
  await room.page.getByRole('link', { name: 'लाइव नक्शा' }).waitFor()
  await room.page.reload()
  await room.page.getByRole('link', { name: 'लाइव नक्शा' }).waitFor()
  expect(await room.page.locator('html').getAttribute('lang')).toBe('hi')
  await room.isAccessible('Hindi')
  await room.picture('hindi')
})

test('nothing went wrong in the page', () => {
  expect(room.problems).toEqual([])
})
