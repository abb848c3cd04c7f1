import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { expect, it } from 'vitest'
import { DeliveryCounts } from './delivery-counts.ts'
import { createNotifyEvents } from './events.ts'
import { ProviderLink } from './provider-link.ts'
import { accepts, FakeProvider, hangs, isDown, refuses } from './testing/fake-provider.ts'

const message = { notificationId: 'n_1', attemptId: 'n_1-1', to: '+919876543210', text: 'x' }
const OPEN_MS = 50

function link() {
  const provider = new FakeProvider('twilio')
  const metrics = createMetrics('test')
  const events = createNotifyEvents(createMemoryLog().log, metrics, new DeliveryCounts(Date.now))
  const limits = { concurrencyMax: 10, ratePerSecond: 100, failuresMax: 3, openMs: OPEN_MS, events }
  return { provider, metrics, link: new ProviderLink(provider, limits) }
}

it('cuts a provider off that keeps failing, tries it again later, and says so by a metric', async () => {
  const { provider, metrics, link: twilio } = link()
  provider.behaviour = isDown
  for (let count = 0; count < 3; count += 1)
    expect(await twilio.send(message, 1_000)).toMatchObject({ outcome: 'unavailable', code: 'ECONNREFUSED' })
  expect(twilio.isCutOff).toBe(true)
  expect(twilio.breaker.state).toBe('open')
  expect(await twilio.send(message, 1_000)).toMatchObject({ outcome: 'cut_off', isPermanent: false })
  expect(provider.messages).toHaveLength(3)
  expect(await metrics.render()).toMatch(/hushryd_notify_breaker_open\{provider="twilio"[^}]*\} 1/)
  provider.behaviour = accepts
  await until(() => !twilio.isCutOff)
  expect(twilio.breaker.state).toBe('trying')
  expect(await twilio.send(message, 1_000)).toMatchObject({ outcome: 'accepted' })
  expect(twilio.breaker.state).toBe('closed')
  expect(await metrics.render()).toMatch(/hushryd_notify_breaker_open\{provider="twilio"[^}]*\} 0/)
})

it('does not hold refusals against a provider', async () => {
  const { provider, link: twilio } = link()
  provider.behaviour = refuses('21211')
  for (let count = 0; count < 10; count += 1) await twilio.send(message, 1_000)
  expect(twilio.isCutOff).toBe(false)
})

it('waits no longer than it was told, also for a provider that does not listen', async () => {
  const { provider, link: twilio } = link()
  for (const behaviour of [hangs, () => new Promise<never>(() => undefined)]) {
    provider.behaviour = behaviour
    expect(await twilio.send(message, 20.5)).toMatchObject({ outcome: 'unavailable', code: 'timeout' })
  }
})
