/**
 * The alerts that operations know, as a value: what the stream brings goes in,
 * what people look at comes out. An older version never replaces a newer one,
 * whichever way the two came. Pure.
 */
import type { Alert } from '../generated/types.ts'

/** Closed alerts that stay in view for those who have just worked on them. */
const CLOSED_MAX = 100

export interface AlertBoard {
  readonly alerts: ReadonlyMap<string, Alert>
  /** False until the first snapshot of open alerts is whole: an empty board means nothing before. */
  readonly isCaughtUp: boolean
  /** Alerts that the running snapshot has named so far; undefined between snapshots. */
  readonly named: ReadonlySet<string> | undefined
}

export const EMPTY_BOARD: AlertBoard = { alerts: new Map(), isCaughtUp: false, named: undefined }

export function isOpen({ status }: Alert): boolean {
  return status === 'ACTIVE' || status === 'RESPONDING'
}

/** Nobody has taken it yet. */
export function isUnacknowledged({ status }: Alert): boolean {
  return status === 'ACTIVE'
}

/** A watch begins: what it does not name until it has caught up is open no more. */
export function beginSnapshot(board: AlertBoard): AlertBoard {
  return { ...board, named: new Set() }
}

export function acceptAlert(board: AlertBoard, alert: Alert): AlertBoard {
  const named = board.named === undefined ? undefined : new Set(board.named).add(alert.alertId)
  const known = board.alerts.get(alert.alertId)
  if (known !== undefined && known.version > alert.version) return { ...board, named }
  const alerts = new Map(board.alerts).set(alert.alertId, alert)
  return { ...board, alerts: withoutOldest(alerts), named }
}

/** With the alerts that were closed while nobody watched: their end has to be asked for. */
export function endSnapshot(board: AlertBoard): { readonly board: AlertBoard; readonly lost: string[] } {
  const { named } = board
  const ended: AlertBoard = { ...board, isCaughtUp: true, named: undefined }
  if (named === undefined) return { board: ended, lost: [] }
  const lost = [...board.alerts.values()].filter((alert) => isOpen(alert) && !named.has(alert.alertId))
  return { board: ended, lost: lost.map(({ alertId }) => alertId) }
}

/** Those that nobody has taken before those that somebody has; of each kind the one that waits longest first. */
export function openAlerts({ alerts }: AlertBoard): Alert[] {
  return [...alerts.values()]
    .filter(isOpen)
    .sort(
      (a, b) =>
        Number(isUnacknowledged(b)) - Number(isUnacknowledged(a)) ||
        a.triggeredAt - b.triggeredAt ||
        (a.alertId < b.alertId ? -1 : 1),
    )
}

export function unacknowledgedAlerts(board: AlertBoard): Alert[] {
  return openAlerts(board).filter(isUnacknowledged)
}

/** The newest first. */
export function closedAlerts({ alerts }: AlertBoard): Alert[] {
  return [...alerts.values()].filter((alert) => !isOpen(alert)).sort((a, b) => b.closedAt - a.closedAt)
}

function withoutOldest(alerts: Map<string, Alert>): Map<string, Alert> {
  const closed = [...alerts.values()].filter((alert) => !isOpen(alert))
  if (closed.length <= CLOSED_MAX) return alerts
  const [oldest] = closed.sort((a, b) => a.closedAt - b.closedAt)
  if (oldest !== undefined) alerts.delete(oldest.alertId)
  return alerts
}
