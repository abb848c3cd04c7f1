/** Where the stores of the infra tests are: started once a run, before any test. */

export function testUrl(name: 'TEST_NATS_URL' | 'TEST_REDIS_URL' | 'TEST_MONGO_URL'): string {
  const url = process.env[name]
  if (url === undefined) throw new Error(`${name} is not set: run with the project "infra"`)
  return url
}
