/**
 * The fleet as its nodes report it: the hash `edge:nodes`, written by each node
 * every second, and orders to nodes in the hash `edge:orders`.
 */
import type { EdgeNode } from '@hushryd/gen/hushryd/edge/v1/edge.ts'
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'

const NODES_KEY = 'edge:nodes'
const ORDERS_KEY = 'edge:orders'
/** A node that did not report for so long is not there. */
export const NODE_LIVE_MS = 10_000
/** Then its entry goes. */
const NODE_KEPT_MS = 60 * 60 * 1000

interface Report {
  readonly connections: number
  readonly draining: boolean
  readonly seenAt: number
  readonly startedAt: number
}

/** Pure: the nodes that count, by id. */
export function liveNodes(fields: Readonly<Record<string, string>>, nowMs: number): EdgeNode[] {
  return Object.entries(fields)
    .map(([edgeId, text]) => ({ edgeId, ...(JSON.parse(text) as Report) }))
    .filter(({ seenAt }) => nowMs - seenAt < NODE_LIVE_MS)
    .sort((a, b) => (a.edgeId < b.edgeId ? -1 : 1))
}

export class LoadBoard {
  readonly #redis: RedisLink
  #nodes: EdgeNode[] = []

  constructor(redis: RedisLink) {
    this.#redis = redis
  }

  /** As of the last report; survives an outage of Redis. */
  get nodes(): readonly EdgeNode[] {
    return this.#nodes
  }

  /** Says how this node is; answers whether it is ordered to drain. */
  async report(node: EdgeNode): Promise<boolean> {
    const { edgeId, ...rest } = node
    const report: Report = rest
    const [, fields, order] = await this.#redis.run((redis) =>
      Promise.all([
        redis.hset(NODES_KEY, edgeId, JSON.stringify(report)),
        redis.hgetall(NODES_KEY),
        redis.hget(ORDERS_KEY, edgeId),
      ]),
    )
    this.#nodes = liveNodes(fields, node.seenAt)
    const gone = Object.entries(fields)
      .filter(([, text]) => node.seenAt - (JSON.parse(text) as Report).seenAt > NODE_KEPT_MS)
      .map(([id]) => id)
    if (gone.length > 0) await this.#redis.run((redis) => redis.hdel(NODES_KEY, ...gone))
    return order === 'drain'
  }

  /** Read afresh. */
  async list(nowMs: number): Promise<EdgeNode[]> {
    return liveNodes(await this.#redis.run((redis) => redis.hgetall(NODES_KEY)), nowMs)
  }

  async order(edgeId: string, isDrain: boolean): Promise<void> {
    await this.#redis.run((redis) =>
      isDrain ? redis.hset(ORDERS_KEY, edgeId, 'drain') : redis.hdel(ORDERS_KEY, edgeId),
    )
  }

  /** The node stops: it no longer counts, and what it was ordered is done. */
  async leave(edgeId: string): Promise<void> {
    await this.#redis.run((redis) => redis.hdel(NODES_KEY, edgeId))
    await this.#redis.run((redis) => redis.hdel(ORDERS_KEY, edgeId))
  }
}
