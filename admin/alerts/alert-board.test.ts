import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Alert } from '../generated/types.ts'
import { alertOf } from '../testing/alert.ts'
import {
  type AlertBoard,
  acceptAlert,
  beginSnapshot,
  closedAlerts,
  EMPTY_BOARD,
  endSnapshot,
  openAlerts,
  unacknowledgedAlerts,
} from './alert-board.ts'

function boardOf(...alerts: Alert[]): AlertBoard {
  return alerts.reduce(acceptAlert, EMPTY_BOARD)
}

function idsOf(alerts: readonly Alert[]): string[] {
  return alerts.map(({ alertId }) => alertId)
}

describe('the board of alerts', () => {
  it('puts what nobody has taken first, and of that what waits longest', () => {
    const board = boardOf(
      alertOf('taken', { status: 'RESPONDING', triggeredAt: 1 }),
      alertOf('new', { triggeredAt: 30 }),
      alertOf('old', { triggeredAt: 20 }),
      alertOf('done', { status: 'RESOLVED', triggeredAt: 2, closedAt: 40 }),
    )
    expect(idsOf(openAlerts(board))).toEqual(['old', 'new', 'taken'])
    expect(idsOf(unacknowledgedAlerts(board))).toEqual(['old', 'new'])
    expect(idsOf(closedAlerts(board))).toEqual(['done'])
  })

  it('knows after a snapshot which alerts were closed while nobody watched', () => {
    const before = boardOf(alertOf('still'), alertOf('gone'))
    const during = acceptAlert(beginSnapshot(before), alertOf('still'))
    expect(endSnapshot(during).lost).toEqual(['gone'])
    // What it showed stays until its end is known: an alert never just vanishes.
    expect(idsOf(openAlerts(endSnapshot(during).board))).toEqual(['gone', 'still'])
  })

  it('is not caught up before the first snapshot ends', () => {
    const during = acceptAlert(beginSnapshot(EMPTY_BOARD), alertOf('one'))
    expect(during.isCaughtUp).toBe(false)
    expect(endSnapshot(during).board.isCaughtUp).toBe(true)
  })

  it('ends with the newest version of each alert, in whichever order they come', () => {
    const versions = fc.array(
      fc.record({ id: fc.constantFrom('a', 'b', 'c'), version: fc.integer({ min: 1, max: 9 }) }),
    )
    fc.assert(
      fc.property(versions, (changes) => {
        const board = boardOf(...changes.map(({ id, version }) => alertOf(id, { version })))
        for (const [alertId, { version }] of board.alerts) {
          const newest = Math.max(
            ...changes.filter(({ id }) => id === alertId).map((change) => change.version),
          )
          expect(version).toBe(newest)
        }
      }),
    )
  })

  it('keeps a bounded number of closed alerts and every open one', () => {
    const closed = Array.from({ length: 150 }, (_, index) =>
      alertOf(`closed-${index}`, { status: 'RESOLVED', closedAt: index }),
    )
    const board = boardOf(alertOf('open'), ...closed)
    expect(closedAlerts(board)).toHaveLength(100)
    expect(closedAlerts(board)[0]?.alertId).toBe('closed-149')
    expect(idsOf(openAlerts(board))).toEqual(['open'])
  })
})
