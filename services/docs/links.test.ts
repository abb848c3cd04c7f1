import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { createCdnLinks, createS3Links } from './links.ts'
import { createS3Client } from './object-store.ts'

const NOW_MS = Date.UTC(2026, 0, 1)

it('CloudFront’s links name the file, their end, and the key that signed them', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const sign = createCdnLinks({
    url: 'https://cdn.test/',
    keyPairId: 'K123',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    lifeS: 300,
  })
  const url = new URL(await sign('documents/a@b/rc/d_12345678', NOW_MS))
  expect(url.origin + url.pathname).toBe('https://cdn.test/documents/a%40b/rc/d_12345678')
  expect(url.searchParams.get('Expires')).toBe(String(NOW_MS / 1_000 + 300))
  expect(url.searchParams.get('Key-Pair-Id')).toBe('K123')
  expect(url.searchParams.get('Signature')).not.toBe('')
})

it('S3’s links end, too', async () => {
  const client = createS3Client({
    endpoint: 'http://s3.test',
    region: 'ap-south-1',
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
  })
  const url = new URL(
    await createS3Links({ client, bucket: 'b', lifeS: 300 })('documents/a/rc/d_12345678', NOW_MS),
  )
  expect(url.pathname).toBe('/b/documents/a/rc/d_12345678')
  expect(url.searchParams.get('X-Amz-Expires')).toBe('300')
  expect(url.searchParams.get('X-Amz-Date')).toBe('20260101T000000Z')
})
