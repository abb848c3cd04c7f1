/**
 * How a node says goodbye: its sockets are told in waves, each with a time to
 * come back, so that the other nodes see a stream and not a flood. Pure.
 */

export interface DrainPlan<C> {
  readonly waves: readonly Wave<C>[]
  /** After its time to reconnect a socket that is still open gets this long. */
  readonly graceMs: number
}

export interface Wave<C> {
  /** From the start of the drain. */
  readonly atMs: number
  readonly members: readonly { readonly connection: C; readonly reconnectAfterMs: number }[]
}

const WAVE_MS = 250
/** Fewer are no flood: they go at once. */
const WAVE_SIZE_MIN = 25
/** Within this time after a goodbye the app reconnects. */
const RECONNECT_SPREAD_MS = 1_000
const GRACE_MS = 2_000

function shuffle<C>(items: readonly C[], random: () => number): C[] {
  const shuffled = [...items]
  for (let index = shuffled.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1))
    const held = shuffled[index] as C
    shuffled[index] = shuffled[other] as C
    shuffled[other] = held
  }
  return shuffled
}

/**
 * Every connection is in one wave. Goodbyes take the first half of the time;
 * what follows the last of them, the way back and the grace, the other half.
 */
export function planDrain<C>(connections: readonly C[], drainMs: number, random: () => number): DrainPlan<C> {
  const shuffled = shuffle(connections, random)
  const spreadMs = drainMs / 2
  const reconnectMs = Math.min(RECONNECT_SPREAD_MS, drainMs / 4)
  const count = Math.max(
    1,
    Math.min(Math.floor(spreadMs / WAVE_MS), Math.floor(shuffled.length / WAVE_SIZE_MIN)),
  )
  const waves: Wave<C>[] = []
  for (let wave = 0; wave < count; wave += 1) {
    const from = Math.floor((shuffled.length * wave) / count)
    const to = Math.floor((shuffled.length * (wave + 1)) / count)
    if (from === to) continue
    waves.push({
      atMs: Math.floor((spreadMs * wave) / count),
      members: shuffled.slice(from, to).map((connection) => ({
        connection,
        reconnectAfterMs: Math.round(random() * reconnectMs),
      })),
    })
  }
  return { waves, graceMs: Math.min(GRACE_MS, drainMs / 4) }
}
