/**
 * One request in all processes that it comes through, as a collector sees it:
 * an alert from its frame to the provider, and a read from REST to the database.
 */

import type { App } from '@hushryd/edge/testing/app.ts'
import { until } from '@hushryd/kernel/testing/await-until.ts'
import {
  type CollectedSpan,
  startTraceCollector,
  type TraceCollector,
} from '@hushryd/kernel/testing/trace-collector.ts'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, messageTo, putPerson, SOS, trigger } from '../testing/alerts.ts'
import { createTrip, openOn } from '../testing/trip.ts'

const CONTACT_PHONE = '+919812399999'
const PLACE = { lat: 17.412345, lng: 78.471234, accuracy: 6 }
const ALERT_ID = 'alert-of-a-trace'
const RIDER = 'traced'
const BY_LANE = 'edge TriggerSos > sos alert'

let collector: TraceCollector
let system: TestSystem
let riderToken: string
let riderId: string

beforeAll(async () => {
  collector = await startTraceCollector()
  system = await startSystem({
    programs: ['edge', 'sos', 'notify'],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, TRACE_SAMPLE_RATIO: '1' },
  })
  const trip = await createTrip(system, RIDER)
  riderId = trip.riderIds[0] ?? ''
  riderToken = trip.riderTokens[0] ?? ''
  await putPerson(system, {
    userId: riderId,
    name: 'Meenakshi',
    contacts: [{ name: 'Amma', phone: CONTACT_PHONE }],
  })
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
  await collector?.[Symbol.asyncDispose]()
})

/** `edge TriggerSos > sos alert > …`, from a trace's first span to this one. */
function pathOf(span: CollectedSpan): string {
  const parent = collector.spans.find(
    ({ traceId, spanId }) => traceId === span.traceId && spanId === span.parentId,
  )
  const own = `${span.service} ${span.name.slice(span.name.lastIndexOf('/') + 1)}`
  return parent === undefined ? own : `${pathOf(parent)} > ${own}`
}

/** A span that comes, and the paths of all that is in its trace once those that are wanted are there. */
async function pathsOf(
  isPart: (span: CollectedSpan) => boolean,
  wanted: readonly string[],
): Promise<readonly string[]> {
  const paths = (): string[] => {
    const part = collector.spans.find(isPart)
    return collector.spans.filter(({ traceId }) => traceId === part?.traceId).map(pathOf)
  }
  const isThere = (): boolean => wanted.every((path) => paths().includes(path))
  await until(isThere, { timeoutMs: 30_000, what: 'the trace' }).catch(() => undefined)
  return paths()
}

function spanOf(alertId: string): CollectedSpan | undefined {
  return collector.spans.find(
    ({ name, attributes }) => name === 'alert' && attributes['hushryd.alert_id'] === alertId,
  )
}

/** Its alert went over the lane, and not as a call because that was not up yet. */
async function raiseByLane(rider: App): Promise<string> {
  let tries = 0
  return await until(
    async () => {
      tries += 1
      const alertId = `${ALERT_ID}-${tries}`
      await trigger(rider, { alertId, tripId: RIDER, location: PLACE })
      const span = await until(() => spanOf(alertId), { timeoutMs: 30_000, what: 'the alert in a trace' })
      return pathOf(span) === BY_LANE && alertId
    },
    { timeoutMs: 60_000, what: 'an alert by the lane' },
  )
}

test('an alert is one trace, from the frame over its legs and the queue to the request to the provider', async () => {
  using rider = await openOn(system, 0, riderToken)
  const alertId = await raiseByLane(rider)
  await messageTo(system, CONTACT_PHONE, 'sms')
  const message = `${BY_LANE} > sos publish notify.q.high.sms > notify notification`
  const wanted = [
    'edge TriggerSos',
    ...['stream', 'database', 'admin', 'contacts'].map((leg) => `${BY_LANE} > sos leg ${leg}`),
    `${message} > notify send`,
    `${message} > notify GetEmergencyContacts > directory GetEmergencyContacts`,
  ]
  const { traceId } = spanOf(alertId) ?? {}
  expect(await pathsOf((span) => span.traceId === traceId, wanted)).toEqual(expect.arrayContaining(wanted))
})

test('a read is one trace from REST to the database', async () => {
  await ask(system, { method: 'GET', path: `/v1/sos/${ALERT_ID}-1`, token: riderToken })
  const read = 'edge GetAlert > edge GetAlert > sos GetAlert'
  const wanted = [read, `${read} > sos mongodb`]
  expect(await pathsOf(({ name }) => name === `${SOS}/GetAlert`, wanted)).toEqual(
    expect.arrayContaining(wanted),
  )
})

test('metrics name a trace for the time that a leg took', async () => {
  const ops = system.plan.processes.find(({ name }) => name === 'sos')?.ports.ops
  const response = await fetch(`http://127.0.0.1:${ops}/metrics`)
  expect(response.headers.get('content-type')).toContain('openmetrics')
  const ids = [...(await response.text()).matchAll(/^hushryd_sos_leg_seconds_bucket.*trace_id="(\w+)"/gm)]
  expect(ids.length).toBeGreaterThan(0)
  // A span is sent within a second of its end.
  await until(
    () =>
      ids.every(([, id]) => collector.spans.some(({ name, traceId }) => name === 'alert' && traceId === id)),
    { timeoutMs: 30_000, what: 'an alert’s trace for each example' },
  )
})

test('nobody is in a trace: no number, name, place or token', () => {
  const text = JSON.stringify(collector.spans)
  expect(collector.spans.length).toBeGreaterThan(20)
  for (const secret of [CONTACT_PHONE.slice(-10), 'Meenakshi', 'Amma', riderToken, '17.41', '78.47'])
    expect(text).not.toContain(secret)
})
