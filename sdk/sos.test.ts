import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClientOn } from './client.ts'
import type { SosUpdate } from './sos-alert.ts'
import { memorySosStore, type SosStore, storageSosStore } from './sos-store.ts'
import { settle } from './testing/fake-clock.ts'
import { FakeEdges, type Fault } from './testing/fake-edges.ts'
import { uuidOf } from './uuid.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function newClient(edges: FakeEdges, sosStore: SosStore = memorySosStore()) {
  return createClientOn(edges.runtime, {
    endpoints: ['http://one', 'http://two'],
    token: 'token-1',
    protocol: 'json',
    sosStore,
  })
}

async function startOpen(sosStore?: SosStore) {
  const edges = new FakeEdges()
  const client = newClient(edges, sosStore)
  client.connect()
  await settle()
  return { edges, client }
}

function restAlerts(edges: FakeEdges): string[] {
  return edges.requests.filter((request) => request.includes('/v1/sos'))
}

function stepsOf(updates: readonly SosUpdate[]): string[] {
  return updates.map(({ step }) => step)
}

test('an alert goes over the socket, and its handle tells each step', async () => {
  const { edges, client } = await startOpen()
  const updates: SosUpdate[] = []
  const alert = client.raiseSos({ tripId: 'T', bookingId: 'B', location: { lat: 17, lng: 78, accuracy: 5 } })
  alert.on('update', (update) => updates.push(update))
  expect(await alert.received).toMatchObject({ alertId: alert.alertId, status: 'ACTIVE' })
  expect(alert.alertId).toMatch(UUID)
  expect(edges.socket.sent.at(-1)?.call).toMatchObject({
    method: 'hushryd.sos.v1.SosService/TriggerSos',
    request: {
      alertId: alert.alertId,
      tripId: 'T',
      bookingId: 'B',
      location: { lat: 17, lng: 78, accuracy: 5 },
    },
  })
  const event = { type: 'sos.contact_reached', tripId: 'T', data: { alertId: alert.alertId } }
  edges.socket.receive({ event })
  edges.socket.receive({ event: { ...event, data: { alertId: 'another' } } })
  expect(stepsOf(updates)).toEqual(['sending', 'received', 'event'])
  expect(restAlerts(edges)).toEqual([])
})

test('the alert is in the store before anything is sent, and out of it once answered', async () => {
  const log: string[] = []
  const memory = memorySosStore()
  const { edges, client } = await startOpen({
    get: memory.get,
    async set(key, value) {
      log.push(`set with ${edges.alerts.size} sent`)
      await memory.set(key, value)
    },
    async remove(key) {
      log.push('removed')
      await memory.remove(key)
    },
  })
  await client.raiseSos({}).received
  await settle()
  expect(log).toEqual(['set with 0 sent', 'removed'])
  expect(await memory.get('sos')).toBeUndefined()
})

test.each(['a store that fails', 'a store that hangs'])('%s holds up no alert', async (kind) => {
  const failing: SosStore = {
    get: () => (kind.endsWith('fails') ? Promise.reject(new Error('no storage')) : new Promise(() => {})),
    set: () => Promise.reject(new Error('no storage')),
    remove: () => Promise.reject(new Error('no storage')),
  }
  const { edges, client } = await startOpen(failing)
  client.raiseSos()
  await edges.clock.advance(1_000)
  expect(edges.alerts.size).toBe(1)
})

test('without a connection the alert goes by REST to whichever edge answers', async () => {
  const edges = new FakeEdges()
  edges.down.add('one')
  const client = newClient(edges)
  const alert = client.raiseSos({ tripId: 'T' })
  await edges.clock.advance(0)
  expect(await alert.received).toMatchObject({ alertId: alert.alertId })
  expect(restAlerts(edges).at(-1)).toBe('POST two/v1/sos')
})

test('a socket that does not answer is followed by REST within seconds, under the same id', async () => {
  const { edges, client } = await startOpen()
  edges.faults.push('lost')
  const alert = client.raiseSos()
  await edges.clock.advance(3_500)
  expect([...edges.alerts]).toEqual([[alert.alertId, 1]])
  expect(restAlerts(edges)).toHaveLength(1)
})

test('a token that does not come holds up one try and not the alert', async () => {
  const edges = new FakeEdges()
  const answers = [
    new Promise<string>(() => {}),
    Promise.reject(new Error('offline')),
    Promise.resolve('token-1'),
  ]
  for (const answer of answers) answer.catch(() => {})
  const client = createClientOn(edges.runtime, {
    endpoints: ['http://one'],
    token: () => answers.shift() ?? 'token-1',
    protocol: 'json',
  })
  const alert = client.raiseSos()
  await edges.clock.advance(10_000)
  expect([...edges.alerts]).toEqual([[alert.alertId, 1]])
})

test('tries go on at most 5 s apart, for as long as it takes', async () => {
  const edges = new FakeEdges()
  edges.down.add('one').add('two')
  const client = newClient(edges)
  const waits: number[] = []
  const alert = client.raiseSos()
  alert.on('update', (update) => {
    if (update.step === 'retrying') waits.push(update.retryInMs)
  })
  await edges.clock.advance(3_600_000)
  expect(waits.slice(0, 6)).toEqual([375, 750, 1_500, 3_000, 3_750, 3_750])
  expect(waits.length).toBeGreaterThan(700)
  edges.down.clear()
  await edges.clock.advance(5_000)
  expect([...edges.alerts]).toEqual([[alert.alertId, 1]])
})

test('a new connection ends the wait for the next try', async () => {
  const edges = new FakeEdges()
  edges.down.add('one').add('two')
  const client = newClient(edges)
  client.raiseSos()
  await edges.clock.advance(60_000)
  edges.down.clear()
  client.connect()
  await settle()
  await settle()
  expect(edges.alerts.size).toBe(1)
})

test('an alert outlives a reload, and closing the client does not give it up', async () => {
  const store = memorySosStore()
  const edges = new FakeEdges()
  edges.down.add('one').add('two')
  const closed = newClient(edges, store)
  const first = closed.raiseSos({ tripId: 'T' })
  await edges.clock.advance(10_000)
  closed.close()
  const reloaded = newClient(edges, store)
  const [resumed] = await reloaded.resumeSos()
  expect(resumed?.alertId).toBe(first.alertId)
  expect((await reloaded.resumeSos())[0]).toBe(resumed)
  edges.down.clear()
  await edges.clock.advance(5_000)
  expect([...edges.alerts.keys()]).toEqual([first.alertId])
  expect(await first.received).toMatchObject({ alertId: first.alertId })
  expect(await newClient(edges, store).resumeSos()).toEqual([])
})

test('a second tap while the first waits is the same alert; after its answer it is a new one', async () => {
  const { edges, client } = await startOpen()
  const first = client.raiseSos({ tripId: 'T' })
  expect(client.raiseSos({ tripId: 'T' })).toBe(first)
  await first.received
  expect(client.raiseSos({ tripId: 'T' }).alertId).not.toBe(first.alertId)
  await settle()
  expect(edges.alerts.size).toBe(2)
})

test('a place that makes no sense is left out', async () => {
  const { edges, client } = await startOpen()
  await client.raiseSos({ location: { lat: Number.NaN, lng: 500 } }).received
  expect(edges.socket.sent.at(-1)?.call?.request).not.toHaveProperty('location')
})

test('details that an edge refuses do not keep the alert from it', async () => {
  const { edges, client } = await startOpen()
  const alert = client.raiseSos({ tripId: 'not an id' })
  edges.faults.push('lost')
  await settle()
  const { id = '' } = edges.socket.sent.at(-1) ?? {}
  const error = {
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_REQUEST',
    message: '',
    retryAfterMs: 0,
    violations: [],
  }
  edges.socket.receive({ id, error })
  await edges.clock.advance(1_000)
  expect(edges.socket.sent.at(-1)?.call?.request).toEqual({ alertId: alert.alertId })
  expect(edges.alerts.size).toBe(1)
})

test('an id that is another person’s ends the tries and says so', async () => {
  const { edges, client } = await startOpen()
  edges.faults.push('lost')
  const alert = client.raiseSos()
  const updates: SosUpdate[] = []
  alert.on('update', (update) => updates.push(update))
  await settle()
  const { id = '' } = edges.socket.sent.at(-1) ?? {}
  const error = {
    code: 'ALREADY_EXISTS',
    reason: 'DUPLICATE_ID',
    message: '',
    retryAfterMs: 0,
    violations: [],
  }
  edges.socket.receive({ id, error })
  await expect(alert.received).rejects.toMatchObject({ reason: 'DUPLICATE_ID' })
  expect(stepsOf(updates)).toEqual(['sending', 'refused'])
  expect(edges.clock.pending).toBe(1)
})

test('calling off waits until the alert is received, and tries until that is answered, too', async () => {
  const edges = new FakeEdges()
  edges.down.add('one').add('two')
  const client = newClient(edges)
  const alert = client.raiseSos()
  const cancelled = alert.cancel('1234')
  await edges.clock.advance(20_000)
  expect(edges.cancelled).toEqual([])
  edges.down.clear()
  edges.faults.push('none', 'unavailable', 'unavailable')
  await edges.clock.advance(10_000)
  expect(await cancelled).toMatchObject({ status: 'CANCELLED' })
  expect(edges.alerts.size).toBe(1)
  expect(edges.cancelled).toEqual([`${alert.alertId} 1234`])
})

test('a store of localStorage’s form and one of AsyncStorage’s keep values under their prefix', async () => {
  const values = new Map<string, string>()
  const sync = {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  }
  const store = storageSosStore(sync, 'asha.')
  await store.set('sos', 'x')
  expect([...values]).toEqual([['asha.sos', 'x']])
  const asynchronous = {
    getItem: async (key: string) => sync.getItem(key),
    setItem: async (key: string, value: string) => sync.setItem(key, value),
    removeItem: async (key: string) => sync.removeItem(key),
  }
  const later = storageSosStore(asynchronous, 'asha.')
  expect(await later.get('sos')).toBe('x')
  await later.remove('sos')
  expect(await later.get('sos')).toBeUndefined()
})

test('any 16 bytes make a version 4 UUID', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      expect(uuidOf(bytes)).toMatch(UUID)
    }),
  )
})

test('for any failures and reloads, each alert arrives, as one alert', async () => {
  const fault = fc.constantFrom<Fault>('none', 'lost', 'answer lost', 'unavailable', 'unreachable')
  const step = fc.constantFrom(
    'raise',
    'wait',
    'long wait',
    'drop',
    'down',
    'up',
    'silence',
    'speak',
    'reload',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(fault, { maxLength: 30 }),
      fc.array(step, { maxLength: 25 }),
      async (faults, steps) => {
        const edges = new FakeEdges()
        edges.faults.push(...faults)
        const store = memorySosStore()
        const raised = new Set<string>()
        let client = newClient(edges, store)
        client.connect()
        const doStep: Record<string, () => unknown> = {
          raise: () => raised.add(client.raiseSos({ tripId: `T${raised.size}` }).alertId),
          wait: () => edges.clock.advance(400),
          'long wait': () => edges.clock.advance(7_000),
          drop: () => edges.sockets.at(-1)?.drop(1006),
          down: () => edges.down.add('one').add('two'),
          up: () => edges.down.clear(),
          silence: () => edges.silence(),
          speak: () => edges.speak(),
          reload: async () => {
            client.close()
            client = newClient(edges, store)
            client.connect()
            await client.resumeSos()
          },
        }
        for (const name of steps) {
          await doStep[name]?.()
          await settle()
        }
        edges.speak()
        edges.down.clear()
        await edges.clock.advance(600_000)
        expect(new Set(edges.alerts.keys())).toEqual(raised)
        expect(await store.get('sos')).toBeUndefined()
      },
    ),
    { numRuns: 100 },
  )
}, 60_000)
