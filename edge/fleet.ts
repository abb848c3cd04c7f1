/** This node's part in the fleet: it reports, obeys, and hands over what is more than its share. */
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

/** A node reports this often, */
const REPORT_EVERY_MS = 1_000
/** and looks this often whether its count has changed so much that the others should know at once. */
export const LOOK_EVERY_MS = 200
const CHANGED_SHARE = 0.02
const CHANGED_SOCKETS = 20
/** Sockets asked to move come back over this time, */
const MOVE_SPREAD_MS = 2_000
/** and are closed if they stay for so long beyond it: time for several tries, as few nodes have room. */
const MOVE_GRACE_MS = 15_000

export interface FleetOptions {
  readonly own: NodeEpoch
  readonly board: LoadBoard
  readonly balance: Balance
  readonly drainer: Drainer
  readonly connections: Connections
  readonly goodbyes: Goodbyes
  readonly events: EdgeEvents
  readonly clock: Clock
  /** Whether a node with too many asks sockets to move. */
  readonly moves: boolean
}

export interface Fleet {
  /** Throws where Redis is away; the sockets stay. */
  report(): Promise<void>
  /** Reports where it is time, or where much has changed. */
  reportIfDue(): Promise<void>
}

export function createFleet(options: FleetOptions): Fleet {
  const { own, board, balance, drainer, connections, goodbyes, events, clock, moves } = options
  let toldMs = Number.NEGATIVE_INFINITY
  let told = 0
  let movedMs = Number.NEGATIVE_INFINITY

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
    toldMs = nowMs
    told = connections.size
    const order = await board.report({
      ...own,
      connections: told,
      draining: drainer.isDraining,
      seenAt: nowMs,
    })
    balance.update(board.nodes, nowMs)
    return order
  }

  function hasChanged(): boolean {
    return Math.abs(connections.size - told) > Math.max(CHANGED_SOCKETS, told * CHANGED_SHARE)
  }

  async function report(): Promise<void> {
    const nowMs = clock.nowMs()
    const wasDraining = drainer.isDraining
    drainer.obey(await tell(nowMs))
    // From now on the others count on this node no more, or again.
    if (drainer.isDraining !== wasDraining) await tell(nowMs)
    if (!moves || drainer.isDraining || nowMs - movedMs < REPORT_EVERY_MS) return
    movedMs = nowMs
    const leaving = goodbyes.size
    move(balance.toMove({ own: connections.size - leaving, leaving }, nowMs), nowMs)
  }

  return {
    report,
    async reportIfDue() {
      if (clock.nowMs() - toldMs >= REPORT_EVERY_MS || hasChanged()) await report()
    },
  }
}

function mayMove(connection: Connection): boolean {
  return connection.isOpen && !connection.isLeaving && connection.sosCalls === 0
}
