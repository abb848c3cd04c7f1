/**
 * The live map in a real browser, fed by cars that drive through real sockets
 * of the whole system.
 */
import { findBrowser } from '@hushryd/local/browser.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { CityCars } from './city-cars.ts'
import { counter, detailOf, findVehiclesX, numberOf, trailLengthM } from './page-views.ts'

/** The first time a browser is downloaded. */
const SET_UP_MS = 10 * 60_000
/** A page without a GPU, on a busy machine, takes its time. */
const PATIENCE = { timeout: 60_000, interval: 250 }

/** A drawn map's picture has five times as many. */
const DRAWN_BYTES = 60_000

let system: TestSystem
let cars: CityCars
let browser: Browser
let page: Page
const pageProblems: string[] = []

beforeAll(async () => {
  const { path, env } = await findBrowser(process.env.CHROMIUM_PATH)
  system = await startSystem({ programs: ['edge', 'location-history'], env: { EDGE_FLEET_VIEW: 'open' } })
  cars = new CityCars(system.edgeUrls, system.serviceKey)
  browser = await chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env },
    // No sandbox: containers have none. SwiftShader: machines for tests have no GPU.
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  })
  page = await openPage({ viewport: { width: 800, height: 560 } })
  page.on('pageerror', (error) => pageProblems.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') pageProblems.push(message.text())
  })
}, SET_UP_MS)

afterAll(async () => {
  await browser?.close()
  cars?.[Symbol.dispose]()
  await system?.[Symbol.asyncDispose]()
})

async function openPage(options: Parameters<Browser['newPage']>[0]): Promise<Page> {
  const opened = await browser.newPage(options)
  opened.setDefaultTimeout(PATIENCE.timeout)
  return opened
}

async function vehiclesToBe(count: number): Promise<void> {
  await vi.waitFor(async () => expect(await numberOf(counter(page, 'Vehicles'))).toBe(count), PATIENCE)
}

test('the fleet’s map draws, says that it is live, and counts the vehicles as they come', async () => {
  await cars.drive('first', 0)
  await page.goto(`${system.edgeUrls[0]}/live`)
  await page.locator('.connection-live').waitFor()
  expect(await page.locator('.connection .edge').textContent()).toBe('edge-1')
  await vehiclesToBe(1)
  await cars.drive('second', 600)
  await cars.drive('third', -600)
  await vehiclesToBe(3)
  await vi.waitFor(async () => expect(await detailOf(page)).toBeGreaterThan(DRAWN_BYTES), PATIENCE)
  await vi.waitFor(async () => {
    expect(await numberOf(counter(page, 'Updates/s'))).toBeGreaterThan(1)
    expect(await numberOf(counter(page, 'Delay p99'))).toBeGreaterThan(0)
  }, PATIENCE)
})

test('vehicles move over the map, and one that is chosen shows its trip and leaves a trail', async () => {
  const before = await findVehiclesX(page)
  expect(before).toBeDefined()
  await vi.waitFor(async () => {
    // They all drive eastward.
    expect(await findVehiclesX(page)).toBeGreaterThan((before ?? Number.NaN) + 1)
  }, PATIENCE)
  await page.getByLabel('Find a trip by its id').fill('second')
  await page.keyboard.press('Enter')
  const card = page.getByRole('region', { name: 'Trip second' })
  await card.getByText('36 km/h').waitFor()
  await card.getByText('east · 90°').waitFor()
  expect(await card.getByRole('button', { name: 'Following' }).getAttribute('aria-pressed')).toBe('true')
  const soFar = await trailLengthM(page)
  await vi.waitFor(async () => expect(await trailLengthM(page)).toBeGreaterThan(soFar + 20), PATIENCE)
  await page.keyboard.press('Escape')
  await card.waitFor({ state: 'detached' })
})

test('a trip that ends leaves the map', async () => {
  await cars.complete('third')
  await vehiclesToBe(2)
})

test('a share link shows its one trip with the way so far, and says when it has ended', async () => {
  const response = await fetch(`${system.edgeUrls[0]}/v1/trips/first/share`, {
    method: 'POST',
    headers: { authorization: `Bearer ${system.serviceKey}`, 'content-type': 'application/json' },
    body: '{}',
  })
  const { url } = (await response.json()) as { url: string }
  // Without motion, since a map that follows is painted for each frame, which a machine without a GPU feels.
  const family = await openPage({
    viewport: { width: 390, height: 844 },
    colorScheme: 'dark',
    reducedMotion: 'reduce',
  })
  await family.goto(url)
  await family.getByRole('region', { name: 'Trip first' }).waitFor()
  await vi.waitFor(async () => expect(await findVehiclesX(family)).toBeDefined(), PATIENCE)
  // It has driven since the first test: what was missed is there at once.
  expect(await trailLengthM(family)).toBeGreaterThan(20)
  expect(await family.locator('.counter').count()).toBe(0)
  await cars.complete('first')
  await family.getByRole('alert').getByText('This trip has arrived.').waitFor()
  await family.close()
  // Who opens the link now is told, too.
  const late = await openPage({ reducedMotion: 'reduce' })
  await late.goto(url)
  await late.getByRole('alert').getByText('This link no longer works').waitFor()
  await late.close()
})

test('nothing went wrong in the page', () => {
  expect(pageProblems).toEqual([])
})
