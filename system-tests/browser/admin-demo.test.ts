/**
 * The operations page beside the demo, as `npm start` shows it: a test alert
 * at a button's press, and an edge that is drained under the page.
 */
import { findBrowser } from '@hushryd/local/browser.ts'
import { DEMO } from '@hushryd/local/programs.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { signIn } from '../testing/alerts.ts'
import { type OperationsRoom, openRoom, PATIENCE } from './operations-room.ts'

/** The first time a browser is downloaded. */
const SET_UP_MS = 10 * 60_000

let system: TestSystem
let browser: Browser
let room: OperationsRoom

beforeAll(async () => {
  const { path, env } = await findBrowser(process.env.CHROMIUM_PATH)
  system = await startSystem({ programs: ['sos', 'admin', DEMO], edges: 2, env: { DEMO_TRIPS: '3' } })
  browser = await chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env },
    // No sandbox: containers have none. SwiftShader: machines for tests have no GPU.
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  })
  room = await openRoom(browser)
  await room.signIn(system.edgeUrls[0] ?? '', await signIn(system, 'ops-meera', 'admin'))
  await room.isLive()
}, SET_UP_MS)

afterAll(async () => {
  await browser?.close()
  await system?.[Symbol.asyncDispose]()
})

test('a test alert of a demo rider is raised from the page, and comes in as any other', async () => {
  const alerts = await room.show('SOS')
  const demo = alerts.getByRole('region', { name: 'Demo' })
  // Until a rider of the demo is on a trip the answer says so, and one tries again.
  await vi.waitFor(async () => {
    await demo.getByRole('button', { name: 'Raise a test alert' }).click()
    await demo.getByText('has raised an alert').waitFor({ timeout: 20_000 })
  }, PATIENCE)
  await room.alarmBar.getByRole('button', { name: 'Acknowledge' }).click()
  await alerts.getByRole('article').getByText('In hand', { exact: true }).waitFor()
  await room.picture('test-alert')
})

test('the page whose edge is drained goes to the other edge by itself', async () => {
  const fleet = await room.show('Fleet')
  const before = await room.edgeId()
  const edge = fleet.getByRole('row').filter({ has: room.page.getByRole('rowheader', { name: before }) })
  await edge.getByRole('button', { name: 'Drain' }).click()
  const question = room.page.getByRole('dialog', { name: `Drain ${before}?` })
  await question.getByRole('button', { name: 'Drain' }).click()
  await vi.waitFor(async () => expect(await room.edgeId()).not.toBe(before), PATIENCE)
  await room.isLive()
  await edge.getByText('Draining').waitFor()
  await room.picture('drained')
  await edge.getByRole('button', { name: 'Take back' }).click()
  await edge.getByText('Serving').waitFor()
  expect(room.problems).toEqual([])
})
