import { expect, test } from 'vitest'
import { BadUsage, readSettings } from './settings.ts'

test('without settings the ports are the documented ones', () => {
  const settings = readSettings([], {})
  expect(settings.ports.map(({ port }) => port).sort((a, b) => a - b)).toEqual([
    7001, 7003, 7006, 7010, 7011, 8080, 8081, 8090, 9001, 9003, 9006, 9010, 9011, 9021,
  ])
  expect(settings).toMatchObject({ isFresh: false, natsUrl: undefined, mongoDb: 'hushryd' })
  expect(settings.processes.map(({ name }) => name)).toEqual([
    'directory',
    'location',
    'location-history',
    'sandbox',
    'notify',
    'edge-1',
    'edge-2',
    'demo',
  ])
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
