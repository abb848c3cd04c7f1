import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CHANNELS, newNotification, PRIORITIES } from './notification.ts'
import { decodeQueued, encodeQueued } from './streams.ts'

it('a queued notification comes out of the queue as it went in', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('user' as const, 'emergency_contacts' as const, 'on_call' as const),
      fc.constantFrom(...PRIORITIES),
      fc.subarray([...CHANNELS], { minLength: 1 }),
      fc.string(),
      (recipients, priority, channels, sealedData) => {
        const [first = 'sms', ...more] = channels
        const notification = newNotification({
          id: 'n_1',
          recipients,
          userId: 'user-1',
          channels: [first, ...more],
          template: 'sos_alert',
          templateVersion: 3,
          sealedData,
          priority,
          idempotencyKey: 'key',
          reportTo: 'sos',
          correlationId: 'alert-1',
          acceptedMs: 1_700_000_000_000,
        })
        expect(decodeQueued(encodeQueued(notification))).toEqual(notification)
      },
    ),
  )
})

it('what notify never wrote is not taken', () => {
  expect(() => decodeQueued(new Uint8Array([255, 1, 2]))).toThrow()
  expect(() => decodeQueued(new Uint8Array())).toThrow(/no channel/)
})
