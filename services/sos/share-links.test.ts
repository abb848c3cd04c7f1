import { readKeyRing } from '@hushryd/kernel/sealed-field.ts'
import { shareLinkKey } from '@hushryd/kernel/share-link.ts'
import { REPLY_TEXT } from '@hushryd/kernel/stores/redis-pipe.ts'
import { expect, test } from 'vitest'
import { type Alert, type AlertId, raise } from './alert.ts'
import { ShareLinks } from './share-links.ts'

const OLD = `old:${Buffer.alloc(32, 1).toString('base64')}`
const NEW = `new:${Buffer.alloc(32, 2).toString('base64')}`
const NOW_MS = 1_700_000_000_000

const alert: Alert = raise(
  {
    alertId: 'a1' as AlertId,
    userId: 'ravi',
    role: 'passenger',
    tripId: 'trip-1',
    bookingId: '',
    location: undefined,
    receivedMs: NOW_MS,
  },
  { firstAfterMs: 60_000, repeatMs: 60_000, quietMs: 60_000 },
)

/** A process with these keys, and all that it has sent to Redis. */
function start(keys: readonly string[]) {
  const sent: string[] = []
  const links = new ShareLinks({
    redis: {
      isReady: true,
      async send(bytes, count) {
        sent.push(bytes.toString('latin1'))
        return Int32Array.from({ length: count }, () => REPLY_TEXT)
      },
      [Symbol.asyncDispose]: async () => undefined,
    },
    timeoutMs: 1_000,
    ring: readKeyRing(keys.join('\n')),
    publicUrl: 'https://hushryd.example',
    nowMs: () => NOW_MS,
    onPut: () => undefined,
  })
  return { links, sent: () => sent.join('') }
}

test('a link that was sent before the key changed works again after Redis has lost it', async () => {
  const [url = ''] = start([OLD]).links.share([alert])
  const token = new URL(url).searchParams.get('share') ?? ''
  expect(token.length).toBeGreaterThan(40)
  const after = start([NEW, OLD])
  await after.links.restore(async () => [alert])
  expect(after.sent()).toContain(shareLinkKey(token))
})
