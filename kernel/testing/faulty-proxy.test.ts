/** What the fault tests rely on. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { until } from './await-until.ts'
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts'

interface Client {
  readonly socket: Socket
  readonly received: () => string
}

interface Fixture extends AsyncDisposable {
  readonly proxy: FaultyProxy
  open(): Promise<Client>
}

/** A server that says everything back. */
async function fixture(): Promise<Fixture> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).pipe(socket)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  // A TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const proxy = await startFaultyProxy({ target: `echo://127.0.0.1:${port}` })
  return {
    proxy,
    async open() {
      const socket = connect(proxy.port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      let text = ''
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      return { socket, received: () => text }
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Not `once`, which rejects for a reset. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

test('bytes pass both ways, and are counted', async () => {
  await using set = await fixture()
  const { socket, received } = await set.open()
  socket.write('hello')
  await until(() => received() === 'hello')
  expect([set.proxy.bytesToTarget, set.proxy.bytesFromTarget, set.proxy.connections]).toEqual([5, 5, 1])
  expect(set.proxy.url('redis')).toBe(`redis://${set.proxy.address}`)
  socket.end()
  await until(() => set.proxy.connections === 0)
})

test('a delay holds every chunk back, in order', async () => {
  await using set = await fixture()
  const { socket, received } = await set.open()
  set.proxy.delay(60)
  const startMs = performance.now()
  socket.write('one ')
  socket.write('two')
  await until(() => received() === 'one two')
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(115)
})

test('while it stalls the connection stays and nothing passes; all of it comes after healing', async () => {
  await using set = await fixture()
  const { socket, received } = await set.open()
  socket.write('a')
  await until(() => received() === 'a')
  set.proxy.stall()
  socket.write('b')
  const other = await set.open()
  other.socket.write('c')
  await new Promise((resolve) => setImmediate(resolve))
  expect([received(), other.received(), socket.destroyed]).toEqual(['a', '', false])
  set.proxy.heal()
  await until(() => received() === 'ab' && other.received() === 'c')
})

test('a cut ends all connections and refuses new ones until it is healed', async () => {
  await using set = await fixture()
  const { socket } = await set.open()
  const closed = closeOf(socket)
  set.proxy.cut()
  await closed
  const refused = connect(set.proxy.port, '127.0.0.1').on('error', () => undefined)
  await closeOf(refused)
  expect(set.proxy.connections).toBe(0)
  set.proxy.heal()
  const again = await set.open()
  again.socket.write('x')
  await until(() => again.received() === 'x')
})

test('a reset ends all connections, and new ones are welcome', async () => {
  await using set = await fixture()
  const { socket } = await set.open()
  const closed = closeOf(socket)
  set.proxy.reset()
  await closed
  const { socket: next, received } = await set.open()
  next.write('x')
  await until(() => received() === 'x')
})
