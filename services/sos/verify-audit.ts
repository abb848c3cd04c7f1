/** Looks for alerts whose audit trail is not what was written. */
import type { Alert } from './alert.ts'
import { findBroken } from './audit.ts'

export interface BrokenTrail {
  readonly alertId: string
  /** The first entry that is wrong; one behind the last where entries are missing at the end. */
  readonly entry: number
}

export interface Verified {
  readonly alerts: number
  readonly broken: readonly BrokenTrail[]
}

/** A trail that was cut at its end is whole by its hashes: the alert's version, which counts the entries, shows it. */
export function findBrokenTrail({ alertId, audit, version }: Alert): BrokenTrail | undefined {
  const entry = findBroken(audit) ?? (audit.length === version ? undefined : audit.length + 1)
  return entry === undefined ? undefined : { alertId, entry }
}

export async function verifyAudit(alerts: AsyncIterable<Alert>): Promise<Verified> {
  const broken: BrokenTrail[] = []
  let count = 0
  for await (const alert of alerts) {
    count += 1
    const found = findBrokenTrail(alert)
    if (found !== undefined) broken.push(found)
  }
  return { alerts: count, broken }
}
