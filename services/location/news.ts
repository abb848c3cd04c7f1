/** What one flush tells the other pods and the history, by partition. */
import { type ArchivedPosition, FlushedPositions } from '@hushryd/gen/hushryd/location/v1/lane.ts'
import type { Fix } from './fix.ts'
import { type EncodedFix, joinEntries } from './lane-codec.ts'
import type { Trip } from './trip-state.ts'

/** NATS takes 1 MiB a message; an entry of the longest ids has 340 bytes, an archived position 200. */
const MESSAGE_ENTRIES_MAX = 1_500

interface PartitionNews {
  readonly entries: EncodedFix[]
  readonly archived: ArchivedPosition[]
}

export interface PartitionMessages {
  readonly partition: number
  /** More than one only after an outage. */
  readonly messages: readonly Uint8Array[]
}

export class FlushNews {
  readonly #partitions = new Map<number, PartitionNews>()

  /** For followers on other pods and for the history. */
  broadcast(trip: Trip, encoded: EncodedFix): void {
    this.#of(trip).entries.push(encoded)
  }

  /** For the history alone. */
  archive(trip: Trip, position: Fix, suspect: boolean): void {
    this.#of(trip).archived.push({ tripId: trip.tripId, position, suspect })
  }

  encode(): PartitionMessages[] {
    return [...this.#partitions].map(([partition, news]) => ({
      partition,
      messages: encodeMessages(partition, news),
    }))
  }

  #of({ partition }: Trip): PartitionNews {
    const found = this.#partitions.get(partition)
    if (found !== undefined) return found
    const made: PartitionNews = { entries: [], archived: [] }
    this.#partitions.set(partition, made)
    return made
  }
}

function encodeMessages(partition: number, { entries, archived }: PartitionNews): Uint8Array[] {
  const messages: Uint8Array[] = []
  for (let at = 0; at < Math.max(entries.length, archived.length); at += MESSAGE_ENTRIES_MAX) {
    const to = at + MESSAGE_ENTRIES_MAX
    const rest = { partition, trips: [], archived: archived.slice(at, to) }
    messages.push(joinEntries(FlushedPositions.encode(rest).finish(), entries.slice(at, to)))
  }
  return messages
}
