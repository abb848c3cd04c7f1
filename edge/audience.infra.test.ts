/**
 * Over WebSocket what rest/audience.test.ts holds over REST: what is for
 * operations alone answers nobody else. The methods come from the contract, so
 * that a new one is here by being annotated.
 */
import { Audience } from '@hushryd/gen/hushryd/options/v1/options.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exposedMethods } from './bridge/exposed-methods.ts'
import { type App, openApp, refusalOf } from './testing/app.ts'
import { type EdgeNode, onBehalfOf, startNode } from './testing/edge-node.ts'
import { FakeServices } from './testing/fake-services.ts'

const DATABASE = 9
/** Within the burst that a connection may send. */
const CALLS_MAX = 50
const id = uniquePrefix()

const adminsOnly = exposedMethods().filter(
  ({ audiences }) =>
    audiences.has(Audience.AUDIENCE_ADMIN) &&
    ![
      Audience.AUDIENCE_PASSENGER,
      Audience.AUDIENCE_DRIVER,
      Audience.AUDIENCE_VIEWER,
      Audience.AUDIENCE_PUBLIC,
    ].some((audience) => audiences.has(audience)),
)

let services: FakeServices
let node: EdgeNode

beforeAll(async () => {
  services = await new FakeServices().start()
  node = await startNode({ services, database: DATABASE })
})

afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await services[Symbol.asyncDispose]()
})

async function shareLink(): Promise<string> {
  const tripId = `${id}-trip`
  services.putTrip(tripId, `${id}-driver`, [`${id}-rider`])
  const caller = { kind: 'user', userId: `${id}-rider`, role: 'passenger', deviceId: '' } as const
  const { url } = await node.sessions.createShareLink({ tripId }, onBehalfOf(caller))
  return new URL(url).searchParams.get('share') ?? ''
}

const CALLERS: readonly { readonly who: string; readonly open: () => Promise<App> }[] = [
  {
    who: 'a rider',
    open: async () => await openApp({ url: node.wsUrl, token: await node.login(`${id}-rider`, 'passenger') }),
  },
  {
    who: 'a driver',
    open: async () => await openApp({ url: node.wsUrl, token: await node.login(`${id}-driver`, 'driver') }),
  },
  {
    who: 'a share link’s holder',
    open: async () => await openApp({ url: `${node.wsUrl}?share=${await shareLink()}` }),
  },
]

test('the contract has methods and streams for operations alone', () => {
  expect(adminsOnly.some(({ isStream }) => isStream)).toBe(true)
  expect(adminsOnly.length).toBeGreaterThan(5)
})

test.each(CALLERS)('$who is refused every method that is for operations alone', async ({ open }) => {
  for (let from = 0; from < adminsOnly.length; from += CALLS_MAX) {
    using app = await open()
    const methods = adminsOnly.slice(from, from + CALLS_MAX)
    for (const { name } of methods) app.send({ id: name.slice(-60), call: { method: name, request: {} } })
    for (const { name } of methods) {
      const { error, ...rest } = await app.answer(name.slice(-60))
      expect(error, name).toMatchObject({ code: 'PERMISSION_DENIED' })
      expect(rest, name).not.toHaveProperty('next')
    }
  }
})

test('nobody at all does not even get a socket', async () => {
  expect(await refusalOf({ url: node.wsUrl })).toMatchObject({ status: 401 })
})
