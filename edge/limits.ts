/** What one connection may do. All are part of the contract but where noted. */

export const FRAME_BYTES_MAX = 64 * 1024
/** Larger messages are cut off by the WebSocket library; those between the two still get an error frame. */
export const MESSAGE_BYTES_HARD_MAX = 256 * 1024
export const FRAMES_PER_SECOND = 20
export const FRAMES_BURST = 60
export const TRIPS_MAX = 50
export const CALLS_MAX = 64
/** Calls of the SOS service beyond the others. */
export const SOS_CALLS_MAX = 8
export const ID_CHARS_MAX = 64
export const UPDATES_MAX = 500
/** Frames over the rate within a second past which the socket is no longer read until the next one; not in the contract. */
export const EXCESS_FRAMES_MAX = 200
/** Pieces of one WebSocket message; not in the contract. */
export const FRAGMENTS_MAX = 1_024
/** Open sockets of one share link: a family, and not the world; not in the contract. */
export const LINK_CONNECTIONS_MAX = 50
/** Live positions held back for a socket whose join is under way. */
export const PENDING_POSITIONS_MAX = 64
/** A join or a sync that the location service has not answered by then is refused. */
export const JOIN_TIMEOUT_MS = 2_000
export const SYNC_TIMEOUT_MS = 8_000

const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$/

/** Users, trips and devices. */
export function isId(text: string): boolean {
  return ID_PATTERN.test(text)
}
