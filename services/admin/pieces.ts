/**
 * A stretch of the log in messages of bounded size, which join each other:
 * each begins where the one before ends. Pure.
 */
import type { TailEntry } from './tail.ts'

export interface Piece {
  readonly previousSequence: number
  readonly sequence: number
  readonly entries: readonly TailEntry[]
}

export const PIECE_EVENTS_MAX = 500
/** With one more event still far below the 4 MiB that gRPC takes. */
const PIECE_BYTES_MAX = 1024 * 1024

/** `entries` are those to be seen between the two numbers. At least one piece, and the last one ends at `to`. */
export function piecesOf(entries: readonly TailEntry[], from: number, to: number): Piece[] {
  const pieces: Piece[] = []
  let previousSequence = from
  let gathered: TailEntry[] = []
  let bytes = 0
  for (const entry of entries) {
    const isFull = gathered.length >= PIECE_EVENTS_MAX || bytes + entry.bytes.length > PIECE_BYTES_MAX
    const sequence = gathered.at(-1)?.sequence
    if (isFull && sequence !== undefined) {
      pieces.push({ previousSequence, sequence, entries: gathered })
      previousSequence = sequence
      gathered = []
      bytes = 0
    }
    gathered.push(entry)
    bytes += entry.bytes.length
  }
  pieces.push({ previousSequence, sequence: to, entries: gathered })
  return pieces
}
