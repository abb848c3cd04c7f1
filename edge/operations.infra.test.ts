/** What operations see of the fleet and do to it, over REST and from whichever node answers. */
import { Event } from '@hushryd/gen/hushryd/admin/v1/event.ts'
import type { ListEdgesResponse, EdgeNode as WireNode } from '@hushryd/gen/hushryd/edge/v1/edge.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { ensureEventLog } from '@hushryd/kernel/testing/event-log.ts'
import { uniquePrefix } from '@hushryd/kernel/testing/unique.ts'
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openApp, refusalOf } from './testing/app.ts'
import { type EdgeNode, natsUrl, startNode } from './testing/edge-node.ts'
import { FakeServices } from './testing/fake-services.ts'

const DATABASE = 10
const PATIENCE = { timeoutMs: 30_000 }
const id = uniquePrefix()
const adminId = `${id}-meera`
const people = Array.from({ length: 4 }, (_, index) => `${id}-${index}`)
let services: FakeServices
let nats: NatsConnection
/** The one that is asked, and the one that is to drain. */
let stays: EdgeNode
let other: EdgeNode
let admin: string

beforeAll(async () => {
  nats = await connectNats({ servers: natsUrl() })
  await ensureEventLog(nats)
  services = await new FakeServices().start()
  stays = await startNode({ services, database: DATABASE })
  other = await startNode({ services, database: DATABASE })
  admin = await stays.login(adminId, 'admin')
})

afterAll(async () => {
  await Promise.all([stays[Symbol.asyncDispose](), other[Symbol.asyncDispose]()])
  await services[Symbol.asyncDispose]()
  await nats.close()
})

async function ask(method: string, path: string, token: string, body?: object): Promise<Response> {
  return await fetch(`http://127.0.0.1:${stays.edge.httpPort}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function listEdges(): Promise<ListEdgesResponse> {
  const response = await ask('GET', '/v1/admin/edges', admin)
  expect(response.status).toBe(200)
  return (await response.json()) as ListEdgesResponse
}

async function untilOther(isAsWanted: (node: WireNode) => boolean): Promise<void> {
  await until(
    async () => (await listEdges()).edges.some((node) => node.edgeId === other.edgeId && isAsWanted(node)),
    PATIENCE,
  )
}

it('drains another node over REST, says who wanted it, and takes the node back', async () => {
  const events: Event[] = []
  nats.subscribe('admin.event.edge.>', {
    callback: (_error, { data }) => void events.push(Event.decode(data)),
  })
  await nats.flush()
  const eventsOf = (type: string) =>
    events.filter((event) => event.type === type && event.data?.edgeId === other.edgeId)
  const tokens = await Promise.all(people.map((userId) => stays.login(userId)))
  const apps = await Promise.all(tokens.map((token) => openApp({ url: other.wsUrl, token })))
  await untilOther(({ connections }) => connections === apps.length)
  const before = await listEdges()
  expect(before.edges).toHaveLength(2)
  expect(before.meanConnections).toBe(apps.length / 2)
  expect(await (await ask('GET', '/v1/admin/connections', admin)).json()).toEqual({
    total: apps.length,
    here: 0,
  })

  const path = `/v1/admin/edges/${other.edgeId}:drain`
  const ordered = await ask('POST', path, admin, {})
  expect([ordered.status, await ordered.json()]).toEqual([200, { connections: apps.length }])
  expect(eventsOf('edge.drain_ordered').map(({ data }) => data?.by)).toEqual([adminId])
  for (const app of apps) await app.next((frame) => 'goAway' in frame, PATIENCE.timeoutMs)
  await Promise.all(apps.map(({ closed }) => closed))
  await untilOther(({ draining, connections }) => draining && connections === 0)
  const [token = ''] = tokens
  expect((await refusalOf({ url: other.wsUrl, token })).status).toBe(503)
  expect((await listEdges()).meanConnections).toBe(0)

  expect((await ask('POST', path, admin, { undo: true })).status).toBe(200)
  expect(eventsOf('edge.drain_undone')).toHaveLength(1)
  await untilOther(({ draining }) => !draining)
  using back = await openApp({ url: other.wsUrl, token })
  expect(back.welcome).toMatchObject({ edgeId: other.edgeId })
  expect((await ask('POST', '/v1/admin/edges/edge-nowhere:drain', admin, {})).status).toBe(404)
})

it('is for admins only', async () => {
  const tokens = [await stays.login(`${id}-p`), await stays.login(`${id}-d`, 'driver')]
  for (const token of tokens) {
    const answers = [
      await ask('GET', '/v1/admin/edges', token),
      await ask('GET', '/v1/admin/connections', token),
      await ask('POST', `/v1/admin/edges/${other.edgeId}:drain`, token, {}),
    ]
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
  }
  expect((await ask('GET', '/v1/admin/edges', 'nobody-issued-this')).status).toBe(401)
})
