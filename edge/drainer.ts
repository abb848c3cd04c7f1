/** Hands this node's sockets to the others: on SIGTERM for good, by an order until it is taken back. */
import { type Clock, pause } from '@hushryd/kernel/clock.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import { CLOSE } from './close-codes.ts'
import type { Connections } from './connections.ts'
import { planDrain } from './drain.ts'
import type { Goodbyes } from './goodbyes.ts'

export interface DrainerOptions {
  readonly connections: Connections
  readonly goodbyes: Goodbyes
  readonly drainMs: number
  readonly clock: Clock
  readonly log: Log
}

export interface Drainer {
  /** New sockets are refused meanwhile. */
  readonly isDraining: boolean
  /** The node stops. Resolves when no socket is left, after `drainMs` at the latest. */
  drain(): Promise<void>
  /** Drains while there is an order to; sockets that were told to leave by then leave all the same. */
  obey(isOrdered: boolean): void
}

/** How often to look whether everyone is gone. */
const LOOK_MS = 50

export function createDrainer({ connections, goodbyes, drainMs, clock, log }: DrainerOptions): Drainer {
  let draining: { readonly takeBack: AbortController; readonly done: Promise<void> } | undefined
  let isStopping = false

  async function drainOnce(signal: AbortSignal): Promise<void> {
    const startMs = clock.nowMs()
    const { waves, graceMs } = planDrain([...connections.all()], drainMs, Math.random)
    log.info({ connections: connections.size, waves: waves.length, drainMs }, 'draining')
    let next = 0
    const goesOn = (nowMs: number): boolean =>
      connections.size > 0 && nowMs - startMs < drainMs && !signal.aborted
    for (let nowMs = startMs; goesOn(nowMs); nowMs = clock.nowMs()) {
      for (let wave = waves[next]; wave !== undefined && wave.atMs <= nowMs - startMs; wave = waves[next]) {
        next += 1
        for (const { connection, reconnectAfterMs } of wave.members) {
          goodbyes.say(connection, { reason: 'DRAIN', reconnectAfterMs, graceMs, nowMs })
        }
      }
      goodbyes.sweep(nowMs)
      await pause(clock, LOOK_MS, signal)
    }
    if (signal.aborted) return
    for (const connection of connections.all()) connection.close(CLOSE.DRAIN, 'this node stops')
    log.info({ durationMs: clock.nowMs() - startMs }, 'drained')
  }

  function begin() {
    const takeBack = new AbortController()
    return { takeBack, done: drainOnce(takeBack.signal) }
  }

  return {
    get isDraining() {
      return draining !== undefined
    },
    async drain() {
      isStopping = true
      draining ??= begin()
      await draining.done
    },
    obey(isOrdered) {
      if (isOrdered) draining ??= begin()
      else if (draining !== undefined && !isStopping) {
        draining.takeBack.abort()
        draining = undefined
        log.info('back in service')
      }
    },
  }
}
