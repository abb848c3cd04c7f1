/**
 * Invariant: a flood of unimportant messages does not slow an alert.
 * Method: 50 alerts, one after the other, while it is quiet; then 50,000
 * notifications of low priority are queued for a provider that takes its time,
 * and 50 more alerts are raised while they wait. The bench measures; here the
 * machine is shared, hence the slack.
 */
import { NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { peerCredential } from '@hushryd/kernel/rpc/caller.ts'
import { createRpcClient, openRpcChannel } from '@hushryd/kernel/rpc/client.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  ALL_DONE,
  ask,
  messagesOf,
  messageTo,
  putPerson,
  signIn,
  trigger,
  withDatabase,
} from '../testing/alerts.ts'
import { openOn } from '../testing/trip.ts'

const NOTIFICATIONS = 50_000
/** Of QueueNotifications, by the contract. */
const BATCH = 500
const ALERTS = 50
const SLACK_MS = 500
const CONTACT_PHONE = '+919500000001'
const CROWD_PHONE = '+919500000002'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem({
    programs: ['edge', 'sos', 'notify'],
    env: {
      LOG_LEVEL: 'warn',
      SOS_ESCALATE_AFTER_MS: '3600000',
      // At any hour.
      NOTIFY_QUIET_HOURS: '00:00-00:00',
    },
  })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

async function queueFlood(): Promise<void> {
  const body = { name: 'Crowd', phone: CROWD_PHONE, locale: 'en-IN' }
  await ask(system, { method: 'PUT', path: '/v1/users/crowd', body })
  using stack = new DisposableStack()
  const channel = openRpcChannel({
    address: system.grpcOf('notify')[0] ?? '',
    peer: peerCredential('docs', system.plan.keys.peerKey),
  })
  stack.defer(() => channel.close())
  const notify = createRpcClient(NotifyServiceDefinition, channel, { timeoutMs: 30_000 })
  for (let start = 0; start < NOTIFICATIONS; start += BATCH) {
    const notifications = Array.from({ length: BATCH }, (_, index) => ({
      recipient: { $case: 'userId', value: 'crowd' } as const,
      channels: ['sms'],
      template: 'ride_update',
      data: { update: 'Your driver is near.' },
      priority: 'low',
      idempotencyKey: `flood-${start + index}`,
      reportTo: '',
      correlationId: '',
    }))
    await notify.queueNotifications({ notifications })
  }
}

/** How long each took until it was answered with all legs done, milliseconds, the fastest first. */
async function raiseAll(name: string): Promise<number[]> {
  const userId = `flood-${name}`
  await putPerson(system, { userId, contacts: [{ name: 'Amma', phone: CONTACT_PHONE }] })
  using app = await openOn(system, 0, await signIn(system, userId, 'passenger'))
  const tookMs: number[] = []
  for (let turn = 0; turn < ALERTS; turn += 1) {
    const startedMs = performance.now()
    const { legs } = await trigger(app, { alertId: `${userId}-${turn}` })
    tookMs.push(performance.now() - startedMs)
    expect(legs).toEqual(ALL_DONE)
  }
  return tookMs.toSorted((a, b) => a - b)
}

function p99Of(sorted: readonly number[]): number {
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0
}

test('50,000 notifications of low priority do not slow an alert, nor what its contacts are told', {
  timeout: 300_000,
}, async () => {
  await raiseAll('warm-up')
  const quietMs = p99Of(await raiseAll('quiet'))
  await queueFlood()
  const floodedMs = p99Of(await raiseAll('flooded'))
  expect(floodedMs).toBeLessThan(2 * quietMs + SLACK_MS)

  const userId = 'flood-told'
  const contactPhone = '+919500000003'
  await putPerson(system, { userId, contacts: [{ name: 'Appa', phone: contactPhone }] })
  using app = await openOn(system, 0, await signIn(system, userId, 'passenger'))
  await trigger(app, { alertId: 'flood-told' })
  await messageTo(system, contactPhone, 'sms')
  // The flood was still waiting all that time, or this has tested nothing.
  const sent = { priority: 'low', state: { $in: ['sent', 'delivered'] } }
  const sentCount = await withDatabase(system, (all) => all.countDocuments(sent), 'notifications')
  expect(sentCount).toBeLessThan(NOTIFICATIONS)
  expect((await messagesOf(system, { to: contactPhone, channel: 'sms' })).length).toBe(1)
})
