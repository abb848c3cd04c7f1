/**
 * Invariant: whoever has the contract, or only an address, can call: by
 * reflection, by a client generated in another language, under load.
 * Method: the real services without a mesh; grpcurl, ghz and a Go client that
 * is generated from the published proto files.
 */
import { existsSync } from 'node:fs'
import { startSystem, type TestSystem } from '@hushryd/local/testing/start-system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MEMBERS, servedBy } from '../../members.ts'
import { meshMethods } from '../../rights.ts'
import { type GrpcTools, grpcTools, run } from '../toolchain.ts'

let system: TestSystem
let tools: GrpcTools

beforeAll(async () => {
  tools = await grpcTools()
  system = await startSystem()
})
afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
})

function addressOf(member: string): string {
  const [address] = system.grpcOf(member)
  if (address === undefined) throw new Error(`${member} has no address`)
  return address
}

async function grpcurl(...args: readonly string[]): Promise<string> {
  return await run('grpcurl', [tools.grpcurl, '-plaintext', ...args])
}

const ROOT = new URL('../../../', import.meta.url)

/** Members whose program is there. */
const SERVED = [...new Set(meshMethods().map(({ service }) => service))]
  .map((service) => ({ service, member: servedBy(service).name }))
  .filter(({ member }) =>
    existsSync(new URL(member === 'edge' ? 'edge/main.ts' : `services/${member}/main.ts`, ROOT)),
  )

test('every service of the contract is served by some member of the mesh', () => {
  expect(SERVED.length).toBeGreaterThan(0)
  expect(MEMBERS.map(({ name }) => name)).toEqual(expect.arrayContaining(SERVED.map(({ member }) => member)))
})

test.each(SERVED)(
  '$service is listed by reflection, with all of its methods, and is healthy',
  async ({ service, member }) => {
    const address = addressOf(member)
    expect((await grpcurl(address, 'list')).split('\n')).toContain(service)
    const methods = meshMethods().filter((method) => method.service === service)
    const listed = (await grpcurl(address, 'list', service)).trim().split('\n')
    expect(listed.sort()).toEqual(methods.map(({ path }) => path.slice(1).replace('/', '.')).sort())
    const health = await grpcurl('-d', JSON.stringify({ service }), address, 'grpc.health.v1.Health/Check')
    expect(JSON.parse(health)).toEqual({ status: 'SERVING' })
  },
)

test.each(SERVED)(
  'each unary method of $service answers a call by reflection, if only with a refusal',
  async ({ service, member }) => {
    const unary = meshMethods().filter((method) => method.service === service && method.class !== 'stream')
    for (const { path } of unary) {
      // An answer, or an error of the contract: neither a method that is not there nor a fault.
      const said = await grpcurl(
        '-format-error',
        '-H',
        `authorization: Bearer ${system.serviceKey}`,
        '-d',
        '{}',
        addressOf(member),
        path.slice(1),
      ).catch((error: unknown) => String(error))
      expect(said, path).not.toMatch(/"?code"?: ?(?:12|13|2)\b|Unimplemented|Internal|Unknown/)
    }
  },
)

test('ghz drives a method, and every call of it is answered', async () => {
  const report = await run('ghz', [
    tools.ghz,
    '--insecure',
    '--call',
    'hushryd.location.v1.LocationService.FindNearby',
    '--metadata',
    JSON.stringify({ authorization: `Bearer ${system.serviceKey}` }),
    '--data',
    '{"lat":17.4,"lng":78.5,"radius_m":2000}',
    '--total',
    '2000',
    '--concurrency',
    '20',
    '--format',
    'json',
    addressOf('location'),
  ])
  const { count, rps, statusCodeDistribution } = JSON.parse(report) as {
    count: number
    rps: number
    statusCodeDistribution: Record<string, number>
  }
  expect(statusCodeDistribution).toEqual({ OK: count })
  process.stdout.write(`[mesh] ghz: ${count} calls of FindNearby, ${Math.round(rps)} a second\n`)
})

test('a client in Go, made from the proto files, calls and reads the details of errors', async () => {
  const answer = await run('the Go client', [tools.client, addressOf('directory'), addressOf('location')], {
    env: { HUSHRYD_SERVICE_KEY: system.serviceKey },
  })
  expect(JSON.parse(answer)).toEqual({
    tripId: 'go-trip',
    nearby: 0,
    noSuchTrip: {
      code: 'NotFound',
      message: expect.any(String),
      domain: 'hushryd',
      reason: 'TRIP_NOT_FOUND',
    },
    badRequest: {
      code: 'InvalidArgument',
      message: expect.any(String),
      domain: 'hushryd',
      reason: 'INVALID_REQUEST',
      violations: ['lat', 'lng'],
    },
    nobody: {
      code: 'Unauthenticated',
      message: expect.any(String),
      domain: 'hushryd',
      reason: 'UNAUTHENTICATED',
    },
  })
})
