/** What operations do with an alert and see of it: who is to see to it, what was done, and whether that is true. */
import { OutcomeStatus } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import { type Alert, AlertStatus } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { asAdmin, asUser, onBehalfOf, SosNode, World } from './testing/sos-node.ts'

const PATIENCE = { timeoutMs: 30_000 }
/** Nobody is told again while the test runs. */
const ESCALATE_AFTER_MS = 600_000
let world: World
let node: SosNode

beforeAll(async () => {
  world = await World.start()
  node = await SosNode.start(world, { env: { SOS_ESCALATE_AFTER_MS: String(ESCALATE_AFTER_MS) } })
})
afterAll(async () => {
  await node[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

async function raise(): Promise<{ readonly alertId: string; readonly userId: string }> {
  const [alertId, userId] = [world.id(), world.id('ravi')]
  await node.trigger(userId, { alertId, tripId: world.id('trip') })
  return { alertId, userId }
}

async function reasonOf(call: Promise<unknown>): Promise<ErrorReason | undefined> {
  const error: unknown = await call.catch((thrown: unknown) => thrown)
  return error instanceof DomainError ? error.reason : undefined
}

it('names who is to see to an alert, tells operations, and tells the person nothing', async () => {
  const { alertId, userId } = await raise()
  // From then on its legs stay as they are.
  await until(async () => (await world.openBatches()) === 0, PATIENCE)
  const before = await node.client.getAlert({ alertId }, asUser(userId))
  const request = { alertId, assignee: 'asha', note: 'nearest' }
  const { alert } = await node.client.assignAlert(request, asAdmin)
  expect(alert).toMatchObject({
    status: AlertStatus.ACTIVE,
    assignedTo: 'asha',
    assignedBy: 'meera',
    acknowledgedBy: '',
    version: 2,
  })
  expect(alert?.nextEscalationAt).toBe((alert?.triggeredAt ?? 0) + ESCALATE_AFTER_MS)
  const again = await node.client.assignAlert({ ...request, note: 'pressed twice' }, asAdmin)
  expect(again.alert).toEqual(alert)
  const told = await until(
    () => world.eventsOf(alertId).find(({ type }) => type === 'sos.assigned'),
    PATIENCE,
  )
  expect(told).toMatchObject({ data: { by: 'meera', to: 'asha' } })
  expect(await node.client.getAlert({ alertId }, asUser(userId))).toEqual(before)
  expect(world.pushesTo(userId).filter(({ type }) => type === 'sos.assigned')).toEqual([])

  await node.client.resolveAlert({ alertId, notes: 'at home' }, asAdmin)
  expect(await reasonOf(node.client.assignAlert({ ...request, assignee: 'kiran' }, asAdmin))).toBe(
    ErrorReason.ERROR_REASON_ALERT_CLOSED,
  )
  expect(await reasonOf(node.client.assignAlert({ ...request, alertId: world.id() }, asAdmin))).toBe(
    ErrorReason.ERROR_REASON_ALERT_NOT_FOUND,
  )
})

it('shows watchers who has it, who is to have it, whom it reached, and when it is escalated', async () => {
  const { alertId } = await raise()
  const stop = new AbortController()
  const seen: Alert[] = []
  const watching = (async () => {
    for await (const { alert } of node.client.watchAlerts({}, { ...asAdmin, signal: stop.signal }))
      if (alert?.alertId === alertId) seen.push(alert)
  })().catch(() => undefined)
  await until(() => seen.length > 0, PATIENCE)
  await node.client.assignAlert({ alertId, assignee: 'asha', note: '' }, asAdmin)
  await node.client.acknowledgeAlert({ alertId, note: '' }, asAdmin)
  await world.report({
    correlationId: alertId,
    idempotencyKey: '',
    contact: 0,
    channel: 'sms',
    status: OutcomeStatus.OUTCOME_STATUS_DELIVERED,
    at: 5_000,
  })
  await node.client.resolveAlert({ alertId, notes: 'safe' }, asAdmin)
  await until(
    () => seen.some(({ contactsReached, resolvedBy }) => contactsReached === 1 && resolvedBy !== ''),
    PATIENCE,
  )
  stop.abort()
  await watching
  const newest = seen.toSorted((one, other) => one.version - other.version).at(-1)
  expect(newest).toMatchObject({
    acknowledgedBy: 'meera',
    assignedTo: 'asha',
    resolvedBy: 'meera',
    notes: 'safe',
    contactsReached: 1,
    nextEscalationAt: 0,
    audit: [],
  })
})

it('shows the audit trail in pages, and that it is whole until somebody changes it', async () => {
  const { alertId } = await raise()
  await node.client.assignAlert({ alertId, assignee: 'asha', note: '' }, asAdmin)
  await node.client.acknowledgeAlert({ alertId, note: 'calling' }, asAdmin)
  const first = await node.client.getAuditTrail({ alertId, pageSize: 2 }, asAdmin)
  expect(first).toMatchObject({ total: 3, brokenAt: 0 })
  expect(first.entries.map(({ action }) => action)).toEqual(['triggered', 'assigned'])
  const rest = await node.client.getAuditTrail({ alertId, afterNumber: 2 }, asAdmin)
  expect(rest.entries).toMatchObject([{ number: 3, action: 'acknowledged', actor: 'meera', note: 'calling' }])
  await world.alerts.updateOne({ _id: alertId as never }, { $set: { 'audit.1.note': 'to kiran' } })
  expect((await node.client.getAuditTrail({ alertId }, asAdmin)).brokenAt).toBe(2)
})

it('is for operations only', async () => {
  const { alertId, userId } = await raise()
  const callers: Caller[] = [
    { kind: 'user', userId, role: 'passenger', deviceId: '' },
    { kind: 'user', userId: 'd', role: 'driver', deviceId: '' },
    { kind: 'viewer', scope: 'trip:t' },
    { kind: 'backend' },
  ]
  for (const caller of callers) {
    const as = onBehalfOf(caller)
    for (const call of [
      node.client.assignAlert({ alertId, assignee: 'asha', note: '' }, as),
      node.client.getAuditTrail({ alertId }, as),
    ])
      expect(await reasonOf(call)).toBe(ErrorReason.ERROR_REASON_FORBIDDEN)
  }
})
