import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readKeys } from './keys.ts'
import { describeProcesses, planProcesses, type SystemPlan } from './processes.ts'
import { PROGRAMS, type Program } from './programs.ts'

const CHAT: readonly Program[] = [
  {
    name: 'words',
    script: 'words.ts',
    ports: { grpc: 7001 },
    secrets: { WORDS_KEYS: 'keyRing', SHARED: 'token' },
  },
  {
    name: 'front',
    script: 'front.ts',
    copies: 2,
    ports: { http: 8080, grpc: 7010 },
    dependsOn: ['words'],
    env: ({ name, grpcOf }) => ({ NODE_NAME: name, WORDS_ADDR: grpcOf('words').join(',') }),
    secrets: { SHARED: 'token' },
  },
]

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'hushryd-keys-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function plan(programs: readonly Program[], env: NodeJS.ProcessEnv = {}): Promise<SystemPlan> {
  const offset = (port: number | undefined, by: number, kind: string) =>
    port === undefined ? {} : { [kind]: port + by }
  return {
    root: '/repository',
    stores: {
      natsUrl: 'nats://n',
      redisUrl: 'redis://r',
      mongoUrl: 'mongodb://m',
      mongoDb: 'd',
      special: { s3: { S3_ENDPOINT: 'http://s' }, clamd: { CLAMD_URL: 'tcp://c' } },
    },
    keys: await readKeys(await folder(), programs, env),
    processes: planProcesses(programs, {
      portsOf: (_name, { ports }, index) => ({
        ...offset(ports.http, index, 'http'),
        ...offset(ports.grpc, index, 'grpc'),
        ...offset(ports.grpc, index + 2000, 'ops'),
      }),
    }),
    localStores: ['nats', 's3', 'clamd'],
    env,
  }
}

test('a row of the table is a process with its ports, its settings, and everyone else in reach', async () => {
  const specs = describeProcesses(await plan(CHAT, { LOG_LEVEL: 'debug' }))
  expect(specs.map(({ name, dependsOn, address }) => ({ name, dependsOn, address }))).toEqual([
    { name: 'words', dependsOn: ['nats'], address: 'grpc 127.0.0.1:7001' },
    { name: 'front-1', dependsOn: ['nats', 'words'], address: 'http://localhost:8080, grpc 127.0.0.1:7010' },
    { name: 'front-2', dependsOn: ['nats', 'words'], address: 'http://localhost:8081, grpc 127.0.0.1:7011' },
  ])
  expect(specs[2]?.env).toMatchObject({
    LOG_LEVEL: 'debug',
    NODE_NAME: 'front-2',
    HTTP_PORT: '8081',
    PORT: '7011',
    OPS_PORT: '9011',
    WORDS_ADDR: '127.0.0.1:7001',
    FRONT_ADDR: '127.0.0.1:7010',
    NATS_URL: 'nats://n',
  })
})

test('a special store, and its settings, are only for the programs that have it', async () => {
  const files: Program = { name: 'files', script: 'files.ts', ports: { grpc: 7002 }, stores: ['s3'] }
  const [words, , , store] = describeProcesses(await plan([...CHAT, files]))
  expect(words?.dependsOn).toEqual(['nats'])
  expect(words?.env).not.toHaveProperty('S3_ENDPOINT')
  expect(store?.dependsOn).toEqual(['nats', 's3'])
  expect(store?.env).toMatchObject({ S3_ENDPOINT: 'http://s' })
  expect(store?.env).not.toHaveProperty('CLAMD_URL')
})

test('a secret is made once, is for its owner alone, and reaches only the programs that name it', async () => {
  const [words, front] = describeProcesses(await plan(CHAT))
  expect(words?.env?.SHARED_FILE).toBe(front?.env?.SHARED_FILE)
  expect(front?.env).not.toHaveProperty('WORDS_KEYS_FILE')
  const path = words?.env?.WORDS_KEYS_FILE ?? ''
  expect(await readFile(path, 'utf8')).toMatch(/^k1:[A-Za-z0-9+/]{43}=\n$/)
  expect((await stat(path)).mode & 0o077).toBe(0)
})

test('keys outlive a restart, and those that the user gives are not made', async () => {
  const path = await folder()
  const first = await readKeys(path, CHAT, {})
  expect(await readKeys(path, CHAT, {})).toMatchObject({
    serviceKey: first.serviceKey,
    peerKey: first.peerKey,
  })
  const given = await readKeys(path, CHAT, { HUSHRYD_SERVICE_KEY: 'mine', WORDS_KEYS_FILE: '/mine' })
  expect(given).toMatchObject({ serviceKey: 'mine', peerKey: first.peerKey })
  expect(CHAT.map((program) => Object.keys(given.filesOf(program)))).toEqual([
    ['SHARED_FILE'],
    ['SHARED_FILE'],
  ])
})

test('each program has a name of its own and depends only on earlier ones', () => {
  const names: string[] = []
  for (const { name, dependsOn = [] } of PROGRAMS) {
    expect(names).toEqual(expect.arrayContaining([...dependsOn]))
    names.push(name)
  }
  expect(new Set(names).size).toBe(names.length)
})
