/** This node's part in the fleet, once a second: it reports, obeys, and hands over what is more than its share. */
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { Balance } from './balance.ts'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import type { Drainer } from './drainer.ts'
import type { EdgeEvents } from './events.ts'
import type { Goodbyes } from './goodbyes.ts'
import type { LoadBoard } from './load.ts'
import { sample } from './sample.ts'
import type { NodeEpoch } from './user-counts.ts'

export const REPORT_EVERY_MS = 1_000
/** Sockets asked to move come back over this time, */
const MOVE_SPREAD_MS = 2_000
/** and are closed if they stay for so long beyond it. */
const MOVE_GRACE_MS = 5_000

export interface FleetOptions {
  readonly own: NodeEpoch
  readonly board: LoadBoard
  readonly balance: Balance
  readonly drainer: Drainer
  readonly connections: Connections
  readonly goodbyes: Goodbyes
  readonly events: EdgeEvents
  readonly clock: Clock
}

export interface Fleet {
  /** Throws where Redis is away; the sockets stay. */
  report(): Promise<void>
}

export function createFleet(options: FleetOptions): Fleet {
  const { own, board, balance, drainer, connections, goodbyes, events, clock } = options

  function move(count: number, nowMs: number): void {
    if (count === 0) return
    const chosen = sample(connections.all(), count, mayMove, Math.random)
    for (const connection of chosen) {
      const reconnectAfterMs = Math.round(Math.random() * MOVE_SPREAD_MS)
      goodbyes.say(connection, { reason: 'REBALANCE', reconnectAfterMs, graceMs: MOVE_GRACE_MS, nowMs })
    }
    events.moved(chosen.length)
  }

  /** Answers whether this node is ordered to drain. */
  async function tell(nowMs: number): Promise<boolean> {
    const { isDraining } = drainer
    const order = await board.report({
      ...own,
      connections: connections.size,
      draining: isDraining,
      seenAt: nowMs,
    })
    balance.update(board.nodes, nowMs)
    return order && !isDraining
  }

  return {
    async report() {
      const nowMs = clock.nowMs()
      if (await tell(nowMs)) {
        void drainer.drain()
        // The others count on this node no more, from now on.
        await tell(nowMs)
      }
      if (!drainer.isDraining) move(balance.toMove(connections.size - goodbyes.size, nowMs), nowMs)
    },
  }
}

function mayMove(connection: Connection): boolean {
  return connection.isOpen && !connection.isLeaving && connection.sosCalls === 0
}
