import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { readDocsConfig } from './config.ts'

const GOOD = {
  HUSHRYD_PEER_KEY: 'a-key-of-the-peers-here',
  NATS_URL: 'nats://n:1',
  MONGO_URL: 'mongodb://m:1',
  S3_ENDPOINT: 'http://s3:1',
  S3_BUCKET: 'documents',
  S3_ACCESS_KEY_ID: 'id',
  S3_SECRET_ACCESS_KEY: 'a-secret-of-enough-characters',
  CLAMD_URL: 'tcp://clamd:3310',
  DOCS_KEYS: `k1:${randomBytes(32).toString('base64')}`,
}

it('takes what is complete', () => {
  expect(readDocsConfig(GOOD)).toMatchObject({ PORT: 7005, S3_BUCKET: 'documents', CDN_URL: undefined })
})

it.for([
  ['no bucket', { S3_BUCKET: '' }, 'S3_BUCKET is not set'],
  ['no scanner', { CLAMD_URL: '' }, 'CLAMD_URL is not set'],
  ['a scanner by HTTP', { CLAMD_URL: 'http://clamd' }, 'CLAMD_URL is a http: URL'],
  ['half a credential', { S3_SECRET_ACCESS_KEY: '' }, 'S3_SECRET_ACCESS_KEY is not set'],
  [
    'a server of one’s own without credentials',
    { S3_ACCESS_KEY_ID: '', S3_SECRET_ACCESS_KEY: '' },
    'S3_ENDPOINT needs them',
  ],
  ['half a CloudFront', { CDN_URL: 'https://cdn.test' }, 'CDN_PRIVATE_KEY is not set'],
  ['uploads that are swept too early', { DOCS_UPLOAD_KEPT_MS: '1000' }, 'DOCS_UPLOAD_KEPT_MS is not above'],
] as const)('refuses %s, and names the setting', ([, change, message]) => {
  expect(() => readDocsConfig({ ...GOOD, ...change })).toThrow(message)
})
