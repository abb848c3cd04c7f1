/**
 * Which of the lane's partitions a trip belongs to: FNV-1a, 32 bits, over the
 * id's UTF-8 bytes, modulo the number of partitions. Every process, and the
 * mesh's routing, relies on the same answer.
 */

/**
 * So many location pods at most share the load, and each partition costs every
 * edge a message a flush: with 16, a fifth of what an update costs in all.
 */
export const PARTITIONS_DEFAULT = 4

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** Ids are ASCII by the contract (`^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$`), where UTF-8 and char codes are the same. */
export function partitionOf(tripId: string, partitions: number): number {
  let hash = FNV_OFFSET
  for (let index = 0; index < tripId.length; index += 1) {
    hash = Math.imul(hash ^ (tripId.charCodeAt(index) & 0xff), FNV_PRIME)
  }
  return (hash >>> 0) % partitions
}
