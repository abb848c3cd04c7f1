/** A TCP proxy between two components that can be slow, mute, or gone, and well again. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface FaultyProxyOptions {
  /** `host:port` or a URL with both. */
  readonly target: string
}

export interface FaultyProxy extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:<port>`. */
  readonly address: string
  readonly connections: number
  readonly bytesToTarget: number
  readonly bytesFromTarget: number
  /** The proxy's address in place of the target's in a URL of it. */
  url(scheme: string): string
  /** Every chunk, both ways, comes this much later, in order. */
  delay(ms: number): void
  /** Connections stay open and nothing passes; what is sent meanwhile comes after heal(). */
  stall(): void
  /** Ends all connections by reset and refuses new ones until heal(). */
  cut(): void
  /** Ends all connections by reset; new ones are welcome. */
  reset(): void
  heal(): void
}

const HOST = '127.0.0.1'

function parseTarget(target: string): { host: string; port: number } {
  const { hostname, port } = new URL(target.includes('://') ? target : `tcp://${target}`)
  return { host: hostname, port: Number(port) }
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export async function startFaultyProxy({ target }: FaultyProxyOptions): Promise<FaultyProxy> {
  const { host, port: targetPort } = parseTarget(target)
  const pairs = new Set<Pair>()
  const counted = { toTarget: 0, fromTarget: 0 }
  let mode: 'open' | 'stalled' | 'cut' = 'open'
  let delayMs = 0
  let healed = Promise.withResolvers<void>()

  /** Reading pauses meanwhile, so the sender feels the stall as backpressure too. */
  async function forward(from: Socket, to: Socket, count: (bytes: number) => void): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (delayMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, delayMs))
      while (mode === 'stalled') await healed.promise
      if (to.destroyed) return
      count(chunk.length)
      to.write(chunk)
    }
    to.end()
  }

  const server = createServer({ allowHalfOpen: true }, (near) => {
    if (mode === 'cut') {
      near.resetAndDestroy()
      return
    }
    const far = connect({ host, port: targetPort, allowHalfOpen: true })
    const pair: Pair = { near, far }
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      // The other side learns of it by its own connection's end.
      socket.on('error', end)
      socket.on('close', end)
    }
    forward(near, far, (bytes) => {
      counted.toTarget += bytes
    }).catch(end)
    forward(far, near, (bytes) => {
      counted.fromTarget += bytes
    }).catch(end)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: HOST, port: 0 }, resolve)
  })
  // A TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo

  function endAll(): void {
    for (const { near, far } of pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    pairs.clear()
  }

  function release(): void {
    const before = healed
    healed = Promise.withResolvers<void>()
    before.resolve()
  }

  return {
    port,
    address: `${HOST}:${port}`,
    get connections() {
      return pairs.size
    },
    get bytesToTarget() {
      return counted.toTarget
    },
    get bytesFromTarget() {
      return counted.fromTarget
    },
    url: (scheme) => `${scheme}://${HOST}:${port}`,
    delay(ms) {
      delayMs = ms
    },
    stall() {
      mode = 'stalled'
    },
    cut() {
      mode = 'cut'
      endAll()
      release()
    },
    reset: endAll,
    heal() {
      mode = 'open'
      delayMs = 0
      release()
    },
    async [Symbol.asyncDispose]() {
      mode = 'cut'
      endAll()
      release()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
