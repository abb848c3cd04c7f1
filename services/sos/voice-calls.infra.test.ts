/** Contacts are called after they were written to, whoever dies or is away meanwhile. */
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FakeMaskcall } from './testing/fake-maskcall.ts'
import { asAdmin, asUser, SosNode, World } from './testing/sos-node.ts'

const PATIENCE = { timeoutMs: 60_000 }
const TEST_MS = 120_000
let world: World
let maskcall: FakeMaskcall
let env: Readonly<Record<string, string>>

beforeAll(async () => {
  world = await World.start()
  maskcall = await FakeMaskcall.start()
  env = { MASKCALL_ADDR: `127.0.0.1:${maskcall.port}` }
})
afterAll(async () => {
  await maskcall[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

function placed(isPlaced = true) {
  return { contact: 1, isPlaced, at: 7_000 }
}

it(
  'asks until all calls are done, shows them on the alert, and asks no more',
  async () => {
    await using node = await SosNode.start(world, { env })
    const [alertId, userId] = [world.id(), world.id('ravi')]
    const asked = () => maskcall.asked.filter((alert) => alert.alertId === alertId)
    maskcall.answer = () => ({
      alertId,
      isDone: asked().length > 1,
      calls: asked().length > 1 ? [placed()] : [],
    })
    await node.trigger(userId, { alertId })
    const alert = await until(async () => {
      const found = (await node.client.getAlert({ alertId }, asAdmin)).alert
      return found?.contacts.length === 1 && found
    }, PATIENCE)
    expect(asked().map((each) => each.userId)).toEqual([userId, userId])
    expect(alert.contacts).toMatchObject([{ contact: 1, channel: 'voice', status: 'SENT', at: 7_000 }])
    expect(alert.audit.at(-1)).toMatchObject({ action: 'contact', actor: 'maskcall' })
    // The person sees it, too.
    await until(() => world.pushesTo(userId).some(({ data }) => data?.channel === 'voice'), PATIENCE)
    expect((await node.client.getAlert({ alertId }, asUser(userId))).alert?.contactsReached).toBe(1)
  },
  TEST_MS,
)

it(
  'goes on in another process, with maskcall away in between, and tells operations of a call that nobody takes',
  async () => {
    const [alertId, userId] = [world.id(), world.id('ravi')]
    const { port } = maskcall
    await maskcall[Symbol.asyncDispose]()
    {
      await using node = await SosNode.start(world, { env })
      await node.trigger(userId, { alertId })
    }
    maskcall = await FakeMaskcall.start(port)
    maskcall.answer = (alert) => ({ alertId: alert.alertId, isDone: true, calls: [placed(false)] })
    await using node = await SosNode.start(world, { env })
    await until(() => world.eventsOf(alertId).some(({ type }) => type === 'sos.call_failed'), PATIENCE)
    await until(async () => {
      const { alert } = await node.client.getAlert({ alertId }, asAdmin)
      return alert?.contacts.some(({ channel, status }) => channel === 'voice' && status === 'FAILED')
    }, PATIENCE)
  },
  TEST_MS,
)
