import { expect, test } from 'vitest'
import { BadUsage, readSettings } from './settings.ts'

test('without settings the ports are the documented ones', () => {
  const settings = readSettings([], {})
  const ports = new Map(settings.ports.map(({ owner, port }) => [owner, port]))
  for (const [owner, port] of [
    ['location', 7001],
    ['notify', 7003],
    ['docs', 7005],
    ['directory', 7006],
    ['operations of directory', 9006],
    ['operations of location-history', 9021],
    ['sandbox', 8090],
  ] as const) {
    expect(ports.get(owner), owner).toBe(port)
  }
  // Of two ports with one owner the later is here: gRPC.
  expect([ports.get('edge-1'), ports.get('edge-2')]).toEqual([7010, 7011])
  const pages = settings.processes.filter(({ program }) => program.name === 'edge')
  expect(pages.map((edge) => edge.ports.http)).toEqual([8080, 8081])
  expect(settings).toMatchObject({ isFresh: false, mongoDb: 'hushryd' })
  expect(settings.processes.at(-1)?.name).toBe('demo')
})

test('flags are read, and an unknown one is answered with the usage', () => {
  const { isFresh, processes } = readSettings(['--fresh', '--no-demo'], {})
  expect(isFresh).toBe(true)
  expect(processes.map(({ name }) => name)).not.toContain('demo')
  expect(() => readSettings(['--frehs'], {})).toThrow(/--frehs[\s\S]*usage: npm start/)
})

test('an operations port moves with its gRPC port and is named by that setting', () => {
  const { ports } = readSettings([], { EDGE_2_GRPC_PORT: '6011' })
  expect(ports).toContainEqual({
    port: 8011,
    owner: 'operations of edge-2',
    setting: 'EDGE_2_GRPC_PORT (plus 2000)',
  })
})

test('every bad setting is reported at once', () => {
  const read = () =>
    readSettings([], { EDGE_1_PORT: 'http', LOCATION_GRPC_PORT: '7006', CONSOLE_LOG_LEVEL: 'loud' })
  expect(read).toThrow(BadUsage)
  expect(read).toThrow(/port 7006[\s\S]*EDGE_1_PORT=http is not a port[\s\S]*CONSOLE_LOG_LEVEL=loud/)
})
