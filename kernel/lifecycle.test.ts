/** Real processes, since it is about how a process ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'

const KERNEL = JSON.stringify(new URL('.', import.meta.url).href)

/** `start` is the body of a service's start; what it prints to stderr is the test's to read. */
const PROGRAM = (start: string, before = '') => `
  const { run } = await import(${KERNEL} + 'lifecycle.ts')
  const { integer, readEnv, secret } = await import(${KERNEL} + 'config.ts')
  const say = (text) => process.stderr.write(text + '\\n')
  ${before}
  await run(
    async (config) => { ${start} },
    (env) => readEnv(env, { COUNT: integer({ min: 1 }), API_KEY: secret() }),
  )`

const STAYS = `
  const timer = setInterval(() => {}, 1000)
  say('up')
  return { async [Symbol.asyncDispose]() { say('disposed'); clearInterval(timer) } }`

const GOOD = { COUNT: '3', API_KEY: 'sixteen-characters' }

class Program {
  readonly child: ChildProcess
  readonly #ended: Promise<unknown[]>
  stdout = ''
  stderr = ''

  constructor(code: string, env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, ['--input-type=module', '-e', code], { env, stdio: 'pipe' })
    this.#ended = once(this.child, 'close')
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    onTestFinished(() => void this.child.kill('SIGKILL'))
  }

  async says(word: string): Promise<void> {
    while (!this.stderr.includes(word)) {
      if (this.child.stderr === null) throw new Error('the output is not piped')
      await once(this.child.stderr, 'data')
    }
  }

  async end(): Promise<number | null> {
    await this.#ended
    return this.child.exitCode
  }
}

test('wrong settings are all named at once, without values of secrets, and the status is 78', async () => {
  const program = new Program(PROGRAM(STAYS), { COUNT: '0', API_KEY: 'short-one' })
  expect(await program.end()).toBe(78)
  expect(program.stderr).toMatch(/COUNT is outside of 1[\s\S]*API_KEY is shorter than 16/)
  expect(program.stderr).not.toMatch(/short-one|up/)
})

test('SIGTERM and SIGINT end the service in order', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const program = new Program(PROGRAM(STAYS), GOOD)
    await program.says('up')
    program.child.kill(signal)
    expect(await program.end()).toBe(0)
    expect(program.stderr).toContain('disposed')
    expect(program.stdout).toMatch(new RegExp(`"cause":"${signal}","msg":"stopping"[\\s\\S]*"msg":"stopped"`))
  }
})

test('a signal during the start stops what has started, once it has', async () => {
  const slow = `const work = setInterval(() => {}, 1000)
    say('starting')
    await new Promise((resolve) => process.on('SIGTERM', resolve))
    clearInterval(work)
    ${STAYS}`
  const program = new Program(PROGRAM(slow), GOOD)
  await program.says('starting')
  program.child.kill('SIGTERM')
  expect(await program.end()).toBe(0)
  expect(program.stderr).toMatch(/up[\s\S]*disposed/)
})

test('a start that fails is a fault, with its reason in the log', async () => {
  const program = new Program(PROGRAM(`throw new Error('port 7001 is taken')`), GOOD)
  expect(await program.end()).toBe(1)
  expect(program.stdout).toMatch(/"level":"fatal"[\s\S]*port 7001 is taken[\s\S]*"msg":"start failed"/)
})

test('an error that nobody caught ends the process: its state is unknown', async () => {
  const program = new Program(
    PROGRAM(`setTimeout(() => Promise.reject(new Error('lost')), 1); ${STAYS}`),
    GOOD,
  )
  expect(await program.end()).toBe(1)
  expect(program.stdout).toMatch(/lost[\s\S]*"msg":"unhandled rejection"/)
})

test('a stop that fails is a fault too', async () => {
  const stubborn = `say('up'); setInterval(() => {}, 1000)
    return { async [Symbol.asyncDispose]() { throw new Error('cannot flush') } }`
  const program = new Program(PROGRAM(stubborn), GOOD)
  await program.says('up')
  program.child.kill('SIGTERM')
  expect(await program.end()).toBe(1)
  expect(program.stdout).toMatch(/cannot flush[\s\S]*"msg":"stop failed"/)
})

test('with a parent pipe the process ends with its parent, without one it does not look at its input', async () => {
  const orphan = new Program(PROGRAM(STAYS), { ...GOOD, HUSHRYD_PARENT_PIPE: 'on' })
  await orphan.says('up')
  orphan.child.stdin?.end()
  expect(await orphan.end()).toBe(0)
  expect(orphan.stdout).toContain('"cause":"parent"')

  const alone = new Program(PROGRAM(STAYS), GOOD)
  await alone.says('up')
  alone.child.stdin?.end()
  alone.child.kill('SIGTERM')
  expect(await alone.end()).toBe(0)
  expect(alone.stdout).toContain('"cause":"SIGTERM"')
})
