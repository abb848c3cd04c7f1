import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, expectTypeOf, test } from 'vitest'
import { checkPeerSettings, commonSettings } from './common-settings.ts'
import {
  ConfigError,
  durationMs,
  flag,
  hostPort,
  integer,
  oneOf,
  optional,
  readEnv,
  secret,
  text,
  url,
} from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'hushryd-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const settings = {
  NAME: text({ default: 'x' }),
  COUNT: integer({ default: 3, min: 1, max: 9 }),
  WINDOW_MS: durationMs({ default: 50 }),
  STORE_URL: url({ protocols: ['redis:'] }),
  PEER_ADDR: hostPort(),
  MODE: oneOf(['mesh', 'key'], { default: 'key' }),
  ON: flag({ default: false }),
  API_KEY: secret(),
  EXTRA: optional(integer()),
} as const

const GOOD = { STORE_URL: 'redis://h:1', PEER_ADDR: 'h:7001', API_KEY: 'sixteen-characters' }

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readEnv(env, settings)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

test('settings become a frozen object of their types, defaults filled in', () => {
  const config = readEnv({ ...GOOD, COUNT: '7', ON: 'yes', EXTRA: '' }, settings)
  expect(config).toEqual({
    NAME: 'x',
    COUNT: 7,
    WINDOW_MS: 50,
    MODE: 'key',
    ON: true,
    EXTRA: undefined,
    ...GOOD,
  })
  expect(Object.isFrozen(config)).toBe(true)
  expectTypeOf(config.MODE).toEqualTypeOf<'mesh' | 'key'>()
  expectTypeOf(config.EXTRA).toEqualTypeOf<number | undefined>()
})

test('all problems are reported at once, each by its setting', () => {
  const problems = problemsOf({
    COUNT: '10',
    WINDOW_MS: '5s',
    STORE_URL: 'http://h',
    PEER_ADDR: 'h',
    MODE: 'no',
    ON: '2',
  })
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
    'COUNT',
    'WINDOW_MS',
    'STORE_URL',
    'PEER_ADDR',
    'MODE',
    'ON',
    'API_KEY',
  ])
})

test('the values of secrets and URLs are in no message', () => {
  const problems = problemsOf({ ...GOOD, API_KEY: 'short-secret', STORE_URL: 'http://user:hunter2@h' }).join(
    '\n',
  )
  expect(problems).toContain('API_KEY is shorter')
  expect(problems).not.toMatch(/short-secret|hunter2/)
})

test('a secret may come from a file, but not from both', () => {
  const file = join(folder, 'key')
  writeFileSync(file, 'a-key-from-a-mounted-file\n')
  const { API_KEY, ...rest } = GOOD
  expect(readEnv({ ...rest, API_KEY_FILE: file }, settings).API_KEY).toBe('a-key-from-a-mounted-file')
  expect(problemsOf({ ...rest, API_KEY, API_KEY_FILE: file })).toEqual([
    'API_KEY is set twice: by API_KEY and by API_KEY_FILE',
  ])
  expect(problemsOf({ ...rest, API_KEY_FILE: join(folder, 'none') })[0]).toContain('cannot be read')
})

test('several servers after a comma are one URL setting', () => {
  const servers = { S: url({ protocols: ['mongodb:', 'nats:'] }) } as const
  for (const S of ['mongodb://a:1,b:2,c:3/?replicaSet=r', 'nats://a:4222,nats://b:4222']) {
    expect(readEnv({ S }, servers)).toEqual({ S })
  }
})

test('what single settings cannot know is checked last', () => {
  const env = { NATS_URL: 'nats://h', REDIS_URL: 'redis://h', MONGO_URL: 'mongodb://h' }
  expect(() => readEnv(env, commonSettings, checkPeerSettings)).toThrow('HUSHRYD_PEER_KEY is not set')
  expect(readEnv({ ...env, PEER_TRUST: 'mesh' }, commonSettings, checkPeerSettings).PEER_TRUST).toBe('mesh')
})
