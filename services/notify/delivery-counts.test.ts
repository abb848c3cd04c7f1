import { expect, test } from 'vitest'
import { countedFromMs, DeliveryCounts, MINUTES_MAX } from './delivery-counts.ts'

const MINUTE_MS = 60_000

test('minutes count as a whole, the current one included, and an hour later nothing is left', () => {
  let nowMs = 1_000 * MINUTE_MS + 30_000
  const counts = new DeliveryCounts(() => nowMs)
  counts.handedOver('twilio', 'unavailable', 8_000)
  nowMs += MINUTE_MS
  counts.handedOver('twilio', 'accepted', 40)
  counts.handedOver('twilio', 'cut_off', undefined)
  counts.delivered('twilio', 900)
  counts.undelivered('fcm')

  const last = counts.since(countedFromMs(1, nowMs))
  expect(last.get('twilio')).toMatchObject({ accepted: 1, cutOff: 1, unavailable: 0, delivered: 1 })
  expect(last.get('fcm')).toMatchObject({ undelivered: 1, accepted: 0 })
  const both = counts.since(countedFromMs(2, nowMs)).get('twilio')
  expect(both).toMatchObject({ accepted: 1, unavailable: 1 })
  expect(Object.values(both?.handovers ?? {})).toEqual([1, 1])

  nowMs += MINUTES_MAX * MINUTE_MS
  expect(counts.since(countedFromMs(MINUTES_MAX, nowMs)).size).toBe(0)
  counts.undelivered('fcm')
  expect([...counts.since(0).keys()]).toEqual(['fcm'])
})
