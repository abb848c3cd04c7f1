/**
 * WebSocket close codes, in two ranges, so that an app knows what to do with
 * a code that it has never seen: 4000 to 4499 reconnect, 4500 to 4999 stop.
 */
export const CLOSE = {
  /** The node is being stopped; reconnect, another one answers. */
  DRAIN: 4000,
  /** The node has more than its share; reconnect elsewhere. */
  REBALANCE: 4001,
  /** The socket did not take what was sent to it; reconnect, with `sinceMs`. */
  SLOW_CONSUMER: 4002,
  /** No sign of life for two heartbeats. */
  HEARTBEAT_LOST: 4003,
  /** The session was signed out: a new login is needed. */
  SESSION_REVOKED: 4500,
  /** The session is over its 24 hours: a new login is needed. */
  SESSION_EXPIRED: 4501,
  /** A share link's trip has ended. */
  TRIP_ENDED: 4502,
  /** RFC 6455: a message larger than the limit. */
  TOO_LARGE: 1009,
  /** RFC 6455: a fault of ours. */
  INTERNAL: 1011,
} as const

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]
