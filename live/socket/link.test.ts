import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Admission, Link, type LinkState, type Socket, type SocketEvents } from './link.ts'

const WELCOME = { welcome: { edgeId: 'edge-1', heartbeatMs: 30_000, serverTimeMs: 0 } }

/** A socket whose other end the test holds. */
class TestSocket implements Socket {
  readyState = 1
  readonly sent: string[] = []
  readonly events: SocketEvents

  constructor(events: SocketEvents) {
    this.events = events
  }

  send(text: string): void {
    this.sent.push(text)
  }

  close(): void {
    this.readyState = 3
  }

  receive(frame: object): void {
    this.events.onMessage(JSON.stringify(frame))
  }

  die(code: number, reason = ''): void {
    this.readyState = 3
    this.events.onClose(code, reason)
  }
}

/** A started link whose jitter is always the longest. */
function startLink(
  admit: (wasRefused: boolean) => Admission = () => ({ kind: 'enter', url: 'ws://edge/v1/ws' }),
  renews = false,
) {
  const sockets: TestSocket[] = []
  const states: LinkState[] = []
  const link = new Link({
    renews,
    admit: async (wasRefused) => admit(wasRefused),
    onWelcome: () => undefined,
    onFrame: () => undefined,
    onState: (state) => states.push(state),
    openSocket: (_url, events) => {
      const socket = new TestSocket(events)
      sockets.push(socket)
      return socket
    },
    random: () => 1,
  })
  link.start()
  const newest = () => {
    const socket = sockets.at(-1)
    if (socket === undefined) throw new Error('no socket was opened')
    return socket
  }
  return { link, sockets, states, newest }
}

/** Lets the answer of `admit` arrive. */
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

test('the welcome makes it live and names the edge', async () => {
  const { newest, states } = startLink()
  await settle()
  newest().receive(WELCOME)
  expect(states).toEqual([{ kind: 'connecting' }, { kind: 'live', edgeId: 'edge-1' }])
})

test('a lost connection is tried again after growing waits, and a welcome starts them anew', async () => {
  const { newest, sockets, states } = startLink()
  await settle()
  for (const waitMs of [1_000, 2_000, 4_000]) {
    newest().die(1006)
    expect(states.at(-1)).toEqual({ kind: 'waiting', untilMs: Date.now() + waitMs })
    const before = sockets.length
    await vi.advanceTimersByTimeAsync(waitMs - 1)
    expect(sockets).toHaveLength(before)
    await vi.advanceTimersByTimeAsync(1)
    expect(sockets).toHaveLength(before + 1)
  }
  newest().receive(WELCOME)
  newest().die(4000)
  expect(states.at(-1)).toEqual({ kind: 'waiting', untilMs: Date.now() + 1_000 })
})

test('a final close stops it for good, with the server’s reason', async () => {
  const { newest, sockets, states } = startLink()
  await settle()
  newest().receive(WELCOME)
  newest().die(4502, 'the trip has ended')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(states.at(-1)).toEqual({ kind: 'stopped', message: 'The trip has ended.' })
  expect(sockets).toHaveLength(1)
})

test('where entry gives new credentials, the end of old ones is no end, unless they were cut short', async () => {
  const { newest, sockets, states } = startLink(undefined, true)
  await settle()
  newest().receive(WELCOME)
  await vi.advanceTimersByTimeAsync(30_000)
  newest().receive({ pong: {} })
  await vi.advanceTimersByTimeAsync(30_000)
  newest().die(4501, 'the session has ended')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(sockets).toHaveLength(2)
  newest().receive(WELCOME)
  newest().die(4501, 'the session has ended')
  expect(states.at(-1)).toEqual({ kind: 'stopped', message: 'The session has ended.' })
})

test('goAway is followed after the time that it names', async () => {
  const { newest, sockets } = startLink()
  await settle()
  const first = newest()
  first.receive(WELCOME)
  first.receive({ goAway: { reason: 'DRAIN', reconnectAfterMs: 700 } })
  expect(first.readyState).toBe(3)
  first.die(4000)
  await vi.advanceTimersByTimeAsync(699)
  expect(sockets).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(sockets).toHaveLength(2)
})

test('a connection that says nothing for two heartbeats is given up', async () => {
  const { newest, sockets, states } = startLink()
  await settle()
  const first = newest()
  first.receive(WELCOME)
  await vi.advanceTimersByTimeAsync(30_000)
  expect(first.sent).toEqual(['{"ping":{}}'])
  first.receive({ pong: {} })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(states.at(-1)?.kind).toBe('waiting')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(sockets).toHaveLength(2)
})

test('who is refused entry is told why and does not come back', async () => {
  const { sockets, states } = startLink(() => ({ kind: 'refused', message: 'The map is closed here.' }))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(states).toEqual([{ kind: 'connecting' }, { kind: 'stopped', message: 'The map is closed here.' }])
  expect(sockets).toHaveLength(0)
})

test('an upgrade that was refused is asked about before the next attempt', async () => {
  const asked: boolean[] = []
  const { newest } = startLink((wasRefused) => {
    asked.push(wasRefused)
    return { kind: 'enter', url: 'ws://edge/v1/ws' }
  })
  await settle()
  newest().die(1006)
  await vi.advanceTimersByTimeAsync(1_000)
  newest().receive(WELCOME)
  newest().die(1006)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(asked).toEqual([false, true, false])
})

test('a wait that the server asked for is kept, and coming online ends it', async () => {
  const { link, sockets, states } = startLink(
    (() => {
      let turn = 0
      return () => {
        turn += 1
        return turn === 1
          ? { kind: 'later', retryAfterMs: 20_000 }
          : { kind: 'enter', url: 'ws://edge/v1/ws' }
      }
    })(),
  )
  await settle()
  expect(states.at(-1)).toEqual({ kind: 'waiting', untilMs: Date.now() + 21_000 })
  link.hurry()
  await settle()
  expect(sockets).toHaveLength(1)
})

test('what is no frame is passed over', async () => {
  const { newest, states } = startLink()
  await settle()
  newest().events.onMessage('not json')
  newest().events.onMessage(new ArrayBuffer(2))
  newest().events.onMessage('7')
  newest().receive(WELCOME)
  expect(states.at(-1)?.kind).toBe('live')
})
