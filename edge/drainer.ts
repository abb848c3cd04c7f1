/** Hands this node's sockets to the others: on SIGTERM, or by an order. Once begun it is not taken back. */
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
  /** New sockets are refused from the first call of `drain` on. */
  readonly isDraining: boolean
  /** Resolves when no socket is left, after `drainMs` at the latest. */
  drain(): Promise<void>
}

/** How often to look whether everyone is gone. */
const LOOK_MS = 50

export function createDrainer({ connections, goodbyes, drainMs, clock, log }: DrainerOptions): Drainer {
  let draining: Promise<void> | undefined
  const never = new AbortController().signal

  async function drainOnce(): Promise<void> {
    const startMs = clock.nowMs()
    const { waves, graceMs } = planDrain([...connections.all()], drainMs, Math.random)
    log.info({ connections: connections.size, waves: waves.length, drainMs }, 'draining')
    let next = 0
    for (let nowMs = startMs; connections.size > 0 && nowMs - startMs < drainMs; nowMs = clock.nowMs()) {
      for (let wave = waves[next]; wave !== undefined && wave.atMs <= nowMs - startMs; wave = waves[next]) {
        next += 1
        for (const { connection, reconnectAfterMs } of wave.members) {
          goodbyes.say(connection, { reason: 'DRAIN', reconnectAfterMs, graceMs, nowMs })
        }
      }
      goodbyes.sweep(nowMs)
      await pause(clock, LOOK_MS, never)
    }
    for (const connection of connections.all()) connection.close(CLOSE.DRAIN, 'this node stops')
    log.info({ durationMs: clock.nowMs() - startMs }, 'drained')
  }

  return {
    get isDraining() {
      return draining !== undefined
    },
    async drain() {
      draining ??= drainOnce()
      await draining
    },
  }
}
