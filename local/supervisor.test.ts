import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type ProcessSpec, RunningProcess, StartFailed } from './child.ts'
import { spawnGuarded } from './guard.ts'
import { Supervisor, type SupervisorEvent } from './supervisor.ts'

/** Says "up", and runs until it is told to end. */
const STAY = 'console.log("up"); setInterval(() => {}, 1000)'

function program(name: string, code: string, more: Partial<ProcessSpec> = {}): ProcessSpec {
  return { name, command: [process.execPath, '-e', code], ready: { line: 'up' }, ...more }
}

function supervise(specs: readonly ProcessSpec[], { restart = true } = {}) {
  const events: SupervisorEvent[] = []
  const supervisor = new Supervisor(specs, {
    restart,
    onLine: () => undefined,
    onEvent: (event) => events.push(event),
  })
  onTestFinished(() => supervisor.stop(100))
  const said = () => events.map((event) => `${event.name} ${event.type}`)
  return { supervisor, events, said }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-supervisor-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('a process starts when those that it depends on are ready, and stops before them', async () => {
  const { supervisor, said } = supervise([
    program('store', STAY),
    program('edge', STAY, { dependsOn: ['store'] }),
  ])
  await supervisor.start()
  await supervisor.stop()
  expect(said()).toEqual([
    'store starting',
    'store ready',
    'edge starting',
    'edge ready',
    'edge stopped',
    'store stopped',
  ])
})

test('a process that crashes is started again, and it is said why', async () => {
  const { supervisor, events } = supervise([program('edge', STAY)])
  await supervisor.start()
  const first = supervisor.process('edge').pid ?? 0
  process.kill(first, 'SIGKILL')
  await vi.waitFor(() => expect(events.filter(({ type }) => type === 'ready')).toHaveLength(2), {
    timeout: 5000,
  })
  expect(events).toContainEqual({ type: 'crashed', name: 'edge', exit: 'SIGKILL', restartInMs: 250 })
  expect(supervisor.process('edge')).toMatchObject({ state: 'ready', restarts: 1 })
  expect(supervisor.process('edge').pid).not.toBe(first)
})

test('what a test kills stays down until it is restarted', async () => {
  const { supervisor, events } = supervise([program('edge', STAY)])
  await supervisor.start()
  await supervisor.process('edge').kill('SIGKILL')
  expect(supervisor.process('edge')).toMatchObject({ state: 'stopped', pid: undefined })
  await supervisor.process('edge').restart()
  expect(supervisor.process('edge').state).toBe('ready')
  expect(events.map(({ type }) => type)).not.toContain('crashed')
})

test('a start that fails names the process, shows its last words and stops the others', async () => {
  const { supervisor } = supervise([
    program('store', STAY),
    program('edge', 'console.error("EDGE_ID is not set"); process.exit(3)', { dependsOn: ['store'] }),
  ])
  const failure: unknown = await supervisor.start().catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(StartFailed)
  expect(String(failure)).toMatch(/edge ended \(exit code 3\)[\s\S]*EDGE_ID is not set/)
  expect(supervisor.process('store').pid).toBeUndefined()
})

test('a program that does not exist is a failed start', async () => {
  const { supervisor } = supervise([
    { name: 'ghost', command: ['/nonexistent/ghost'], ready: { line: 'up' } },
  ])
  await expect(supervisor.start()).rejects.toThrow(/ghost ended .*\n.*ENOENT/)
})

test('a process that ignores SIGTERM is killed after the grace', async () => {
  const running = new RunningProcess(
    program('deaf', `process.on("SIGTERM", () => {}); ${STAY}`),
    () => undefined,
  )
  await running.ready()
  expect(await running.stop(100)).toEqual({ code: null, signal: 'SIGKILL' })
})

test('stopping a process stops what it started itself', async () => {
  const folder = await temporaryFolder()
  const pidFile = join(folder, 'pid')
  const code = `const { spawn } = require("node:child_process")
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"])
    require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(child.pid)); ${STAY}`
  const running = new RunningProcess(program('parent', code), () => undefined)
  await running.ready()
  const grandchild = Number(await readFile(pidFile, 'utf8'))
  await running.kill('SIGKILL')
  await vi.waitFor(() => expect(isAlive(grandchild)).toBe(false), { timeout: 5000 })
})

test('a killed starter leaves nothing behind, not even what ignores SIGTERM', {
  timeout: 30_000,
}, async () => {
  const guard = new URL('./guard.ts', import.meta.url).href
  const starter = `const { spawnGuarded } = await import(${JSON.stringify(guard)})
    const codes = ['setInterval(() => {}, 1000)', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)']
    for (const code of codes) console.log(spawnGuarded({ command: [process.execPath, '-e', code] }).pid)
    setInterval(() => {}, 1000)`
  const child = spawnGuarded({ command: [process.execPath, '--input-type=module', '-e', starter] })
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  await vi.waitFor(() => expect(output.trim().split('\n')).toHaveLength(2), { timeout: 10_000 })
  const pids = output.trim().split('\n').map(Number)
  expect(pids.map(isAlive)).toEqual([true, true])
  // The starter alone: its children lead groups of their own, as in the real thing.
  child.kill('SIGKILL')
  await once(child, 'exit')
  await vi.waitFor(() => expect(pids.map(isAlive)).toEqual([false, false]), {
    timeout: 15_000,
    interval: 100,
  })
})
