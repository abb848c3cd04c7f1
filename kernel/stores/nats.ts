/**
 * A connection to NATS that outlives NATS: it keeps trying for ever, at the
 * start too, and brings its subscriptions back.
 */
import {
  connect,
  type Msg,
  type NatsConnection,
  type PublishOptions,
  type Subscription,
} from '@nats-io/transport-node'
import type { Log } from '../log.ts'
import type { MetricSpec, Metrics } from '../metrics.ts'
import { storeAway } from './store-error.ts'

export interface NatsLinkOptions {
  readonly url: string
  /** Shown by the server's monitoring. */
  readonly name: string
  readonly log: Log
  readonly metrics: Metrics
  /** Own messages do not come back to this connection. */
  readonly noEcho?: boolean
  /** How long connectNats waits for a first connection before it answers without one. */
  readonly firstWaitMs?: number
}

export interface NatsSubscription {
  close(): void
}

export interface NatsLink extends AsyncDisposable {
  readonly isConnected: boolean
  /** For what this interface does not cover; undefined until the first connection. */
  readonly connection: NatsConnection | undefined
  /** The connection, as soon as there is one; rejects with UNAVAILABLE when the link closes, or when the signal aborts. */
  connected(signal?: AbortSignal): Promise<NatsConnection>
  /** At most once: false, and counted, where NATS is away. Nothing is kept for later. */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): boolean
  /** From now on, or from the first connection on; comes back by itself after each reconnect. */
  subscribe(
    subject: string,
    onMessage: (message: Msg) => void,
    options?: { readonly queue?: string },
  ): NatsSubscription
  /** Called after each connection, the first included, once subscriptions are back. Answers how to stop being called. */
  onConnected(listener: () => void): () => void
  onDisconnected(listener: () => void): () => void
  /** For readiness. */
  check(): 'ok' | string
  /** Sends what is buffered, then closes; bounded. */
  close(): Promise<void>
}

export const NATS_CONNECTED = {
  name: 'hushryd_nats_connected',
  help: '1 while connected to NATS.',
} satisfies MetricSpec

export const NATS_RECONNECTS = {
  name: 'hushryd_nats_reconnects_total',
  help: 'Connections to NATS after the first.',
} satisfies MetricSpec

export const NATS_DROPPED = {
  name: 'hushryd_nats_dropped_total',
  help: 'Messages not published because NATS was away; their receivers make up for it.',
} satisfies MetricSpec

const FIRST_WAIT_MS = 2000
const RECONNECT_MS_MIN = 50
const RECONNECT_MS_MAX = 1000
const CONNECT_TIMEOUT_MS = 2000
/** A server that stalls is left after two of these. */
const PING_INTERVAL_MS = 5000
const PINGS_OUT_MAX = 2
const CLOSE_BOUND_MS = 2000

/**
 * An id as one token of a subject: letters, digits, _ and - stay, every other
 * byte becomes =HH. Two ids never share a token.
 */
export function subjectToken(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9_-]/gu, (char) => {
    let escaped = ''
    for (const byte of Buffer.from(char)) escaped += `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
    return escaped
  })
}

interface Wanted {
  readonly subject: string
  readonly queue: string | undefined
  readonly onMessage: (message: Msg) => void
  live: Subscription | undefined
}

export async function connectNats(options: NatsLinkOptions): Promise<NatsLink> {
  const { url, name, log, metrics, noEcho = false, firstWaitMs = FIRST_WAIT_MS } = options
  const reconnects = metrics.counter(NATS_RECONNECTS).bind({})
  const dropped = metrics.counter(NATS_DROPPED).bind({})
  const wanted = new Set<Wanted>()
  const connectedListeners = new Set<() => void>()
  const disconnectedListeners = new Set<() => void>()
  let nc: NatsConnection | undefined
  let isConnected = false
  let isClosed = false
  metrics.gauge(NATS_CONNECTED, () => (isConnected ? 1 : 0))

  function callAll(listeners: ReadonlySet<() => void>): void {
    for (const listener of listeners) listener()
  }

  function makeLive(connection: NatsConnection, want: Wanted): void {
    want.live = connection.subscribe(want.subject, {
      ...(want.queue === undefined ? {} : { queue: want.queue }),
      callback(error, message) {
        if (error !== null) {
          log.error({ err: error, subject: want.subject }, 'NATS subscription failed')
          return
        }
        try {
          want.onMessage(message)
        } catch (thrown) {
          // What is thrown into the client ends its reading of everything, until it notices that pings have no answer.
          log.error({ err: thrown, subject: want.subject }, 'a NATS message could not be taken')
        }
      },
    })
  }

  async function follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        isConnected = false
        log.warn('NATS is away')
        callAll(disconnectedListeners)
      } else if (status.type === 'reconnect') {
        isConnected = true
        reconnects.inc()
        log.info({ server: status.server }, 'NATS is back')
        callAll(connectedListeners)
      } else if (status.type === 'error') {
        log.error({ err: status.error }, 'NATS reports an error')
      }
    }
  }

  const closing = new AbortController()
  const first: Promise<NatsConnection> = connect({
    servers: url.split(','),
    name,
    noEcho,
    timeout: CONNECT_TIMEOUT_MS,
    reconnect: true,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    // By itself the client gives up for good after two refusals: credentials may be on their way.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => RECONNECT_MS_MIN + Math.random() * (RECONNECT_MS_MAX - RECONNECT_MS_MIN),
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_OUT_MAX,
  }).then((connection) => {
    nc = connection
    if (isClosed) {
      void connection.close()
      return connection
    }
    isConnected = true
    log.info({ server: connection.getServer() }, 'NATS connected')
    void connection.closed().then((error) => {
      // It is told to try for ever. Where it gives up all the same, only a new process has a connection again.
      if (!isClosed) throw new Error('the connection to NATS ended for good', { cause: error })
    })
    for (const want of wanted) makeLive(connection, want)
    void follow(connection)
    callAll(connectedListeners)
    return connection
  })
  first.catch((error: unknown) => log.error({ err: error }, 'NATS refuses the connection'))

  async function connected(signal?: AbortSignal): Promise<NatsConnection> {
    if (nc !== undefined && !isClosed) return nc
    const stops = signal === undefined ? [closing.signal] : [closing.signal, signal]
    const gone = Promise.withResolvers<never>()
    const stop = (): void => gone.reject(storeAway('nats'))
    for (const each of stops) {
      if (each.aborted) stop()
      each.addEventListener('abort', stop)
    }
    try {
      return await Promise.race([first, gone.promise])
    } finally {
      for (const each of stops) each.removeEventListener('abort', stop)
    }
  }

  const link: NatsLink = {
    get isConnected() {
      return isConnected
    },
    get connection() {
      return nc
    },
    connected,
    publish(subject, data, publishOptions) {
      // The client by itself would buffer without bound and deliver long after.
      if (nc === undefined || !isConnected) {
        dropped.inc()
        return false
      }
      nc.publish(subject, data, publishOptions)
      return true
    },
    subscribe(subject, onMessage, { queue } = {}) {
      const want: Wanted = { subject, queue, onMessage, live: undefined }
      wanted.add(want)
      if (nc !== undefined && !isClosed) makeLive(nc, want)
      return {
        close() {
          wanted.delete(want)
          if (want.live !== undefined && !want.live.isClosed()) want.live.unsubscribe()
        },
      }
    },
    onConnected(listener) {
      connectedListeners.add(listener)
      return () => void connectedListeners.delete(listener)
    },
    onDisconnected(listener) {
      disconnectedListeners.add(listener)
      return () => void disconnectedListeners.delete(listener)
    },
    check: () => (isConnected ? 'ok' : 'away'),
    async close() {
      if (isClosed) return
      isClosed = true
      closing.abort()
      const wasConnected = isConnected
      isConnected = false
      callAll(disconnectedListeners)
      if (nc === undefined) return
      let timer: NodeJS.Timeout | undefined
      const bound = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_BOUND_MS)
      })
      // Draining needs a server that answers.
      if (wasConnected) await Promise.race([nc.drain().catch(() => undefined), bound])
      clearTimeout(timer)
      if (!nc.isClosed()) await nc.close()
    },
    [Symbol.asyncDispose]: () => link.close(),
  }

  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, firstWaitMs)
  })
  await Promise.race([first, waited])
  clearTimeout(timer)
  if (!isConnected) log.warn('NATS is away at the start; trying on')
  return link
}
