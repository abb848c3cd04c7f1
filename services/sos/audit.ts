/**
 * An alert's audit trail: each entry's hash covers the one before, so that an
 * entry that is changed, taken out or put in breaks every hash after it.
 */
import { hash } from 'node:crypto'

export interface AuditEntry {
  /** From 1, without gaps. */
  readonly number: number
  readonly action: string
  /** A user id, or the name of a service. */
  readonly actor: string
  readonly note: string
  readonly atMs: number
  /** SHA-256 over the previous hash and this entry, hex. */
  readonly hash: string
}

export type NewEntry = Omit<AuditEntry, 'number' | 'hash'>

/** JSON of an array is one spelling for one content: no key order, no separator that a field could hold. */
function hashOf(previous: string, { number, action, actor, note, atMs }: Omit<AuditEntry, 'hash'>): string {
  return hash('sha256', JSON.stringify([previous, number, action, actor, note, atMs]))
}

export function appendEntry(entries: readonly AuditEntry[], entry: NewEntry): AuditEntry[] {
  const last = entries.at(-1)
  const plain = { number: (last?.number ?? 0) + 1, ...entry }
  return [...entries, { ...plain, hash: hashOf(last?.hash ?? '', plain) }]
}

/** The number of the first entry that is not what was written; undefined where all are. */
export function findBroken(entries: readonly AuditEntry[]): number | undefined {
  let previous = ''
  for (const [index, entry] of entries.entries()) {
    if (entry.number !== index + 1 || entry.hash !== hashOf(previous, entry)) return index + 1
    previous = entry.hash
  }
  return undefined
}
