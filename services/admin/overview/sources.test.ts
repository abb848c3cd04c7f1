import { type Alert, AlertStatus } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import { expect, test } from 'vitest'
import { alertFigures, edgeFigures } from './sources.ts'

const node = { seenAt: 0, startedAt: 0 }

test('nodes that drain count as sockets and not for the mean', () => {
  const { connections, mean, edges } = edgeFigures([
    { ...node, edgeId: 'edge-1', connections: 60, draining: false },
    { ...node, edgeId: 'edge-2', connections: 40, draining: false },
    { ...node, edgeId: 'edge-3', connections: 5, draining: true },
  ])
  expect([connections, mean]).toEqual([105, 50])
  expect(edges.map(({ deviation }) => deviation.toFixed(2))).toEqual(['0.20', '-0.20', '0.00'])
})

test('an empty fleet has no mean to be away from', () => {
  expect(edgeFigures([{ ...node, edgeId: 'edge-1', connections: 0, draining: false }])).toMatchObject({
    mean: 0,
    edges: [{ deviation: 0 }],
  })
})

test('the oldest alert is the oldest that nobody has taken', () => {
  const alert = (status: AlertStatus, triggeredAt: number) => ({ status, triggeredAt }) as Alert
  expect(
    alertFigures(
      [alert(AlertStatus.RESPONDING, 1), alert(AlertStatus.ACTIVE, 5), alert(AlertStatus.ACTIVE, 3)],
      false,
    ),
  ).toEqual({ active: 2, responding: 1, oldestActiveAt: 3, truncated: false })
  expect(alertFigures([], false).oldestActiveAt).toBe(0)
})
