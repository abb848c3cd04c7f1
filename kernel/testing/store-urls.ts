/** Where the stores of the infra tests are: started once a run, before any test. */

export function testUrl(
  name: 'TEST_NATS_URL' | 'TEST_REDIS_URL' | 'TEST_MONGO_URL' | 'TEST_CLAMD_URL',
): string {
  return testSetting(name)
}

export interface TestS3 {
  readonly endpoint: string
  readonly region: string
  /** There already, and shared: a test writes under a prefix of its own, or into a bucket of its own. */
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export function testS3(): TestS3 {
  return {
    endpoint: testSetting('TEST_S3_ENDPOINT'),
    region: testSetting('TEST_S3_REGION'),
    bucket: testSetting('TEST_S3_BUCKET'),
    accessKeyId: testSetting('TEST_S3_ACCESS_KEY_ID'),
    secretAccessKey: testSetting('TEST_S3_SECRET_ACCESS_KEY'),
  }
}

function testSetting(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set: run with the project "infra"`)
  return value
}
