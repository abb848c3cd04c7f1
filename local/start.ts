/** `npm start`: the stores, every service, two edges and demo traffic on this machine. */
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConsoleLog } from './console-log.ts'
import { watchdogPid } from './guard.ts'
import { readKeys } from './keys.ts'
import { operatorLine } from './operator.ts'
import { freePorts, isPortFree } from './ports.ts'
import { describeProcesses, type SystemPlan } from './processes.ts'
import { AlreadyRunning, RunLock } from './run-lock.ts'
import { BadUsage, readSettings, type StackSettings } from './settings.ts'
import { addressLines, readyLine, statusTable } from './status.ts'
import { onStopSignals } from './stop-signals.ts'
import { describeStores, STORE_PORTS } from './stores.ts'
import { Supervisor, type SupervisorEvent } from './supervisor.ts'
import { SysrootUnavailable } from './sysroot.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const STACK = join(ROOT, '.stack')
const DATA = join(STACK, 'data')

class CannotStart extends Error {}

async function requireFreePorts(settings: StackSettings): Promise<void> {
  const taken: string[] = []
  for (const { port, owner, setting } of settings.ports) {
    if (!(await isPortFree(port)))
      taken.push(`port ${port} (${owner}) is taken: stop what uses it, or set ${setting}`)
  }
  if (taken.length === settings.ports.length)
    taken.push('All of them: another npm start is running, perhaps in another folder.')
  if (taken.length > 0) throw new CannotStart(taken.join('\n'))
}

function describeEvent(event: SupervisorEvent): string | undefined {
  switch (event.type) {
    case 'ready':
      return `ready after ${(event.tookMs / 1000).toFixed(1)} s (process ${event.pid})`
    case 'crashed':
      return `ended by itself (${event.exit}); ${event.restartInMs === undefined ? 'it stays down' : `starting it again in ${event.restartInMs} ms`}`
    case 'stopped':
      return 'stopped'
    case 'starting':
      return undefined
  }
}

async function start(settings: StackSettings): Promise<void> {
  const startedAt = Date.now()
  const log = new ConsoleLog(join(STACK, 'logs'), settings.consoleLevel, process.stdout.isTTY)
  using _lock = await RunLock.take(join(STACK, 'run.json'), watchdogPid(), () => {
    log.say('start', 'waiting for the processes of the last run to end')
  })
  await requireFreePorts(settings)
  if (settings.isFresh) await rm(DATA, { recursive: true, force: true })
  const programs = settings.processes.map(({ program }) => program)
  const keys = await readKeys(join(DATA, 'keys'), programs, settings.env)
  const { specs, stores } = await describeStores({
    folder: DATA,
    programs,
    ports: await freePorts(STORE_PORTS),
    given: settings.env,
    mongoDb: settings.mongoDb,
    keepOnStop: true,
  })
  const plan: SystemPlan = {
    root: ROOT,
    stores,
    keys,
    processes: settings.processes,
    localStores: specs.map((spec) => spec.name),
    env: settings.env,
  }
  const supervisor = new Supervisor([...specs, ...describeProcesses(plan)], {
    restart: true,
    onLine: (spec, line) => log.line(spec, line),
    onEvent: (event) => {
      const text = describeEvent(event)
      if (text !== undefined) log.say(event.name, text)
    },
  })

  const stopped = Promise.withResolvers<void>()
  let isStopping = false
  onStopSignals({
    first: (why) => {
      isStopping = true
      log.say('stop', `${why}: stopping; once more ends everything at once`)
      stopped.resolve(supervisor.stop())
    },
    second: () => {
      supervisor.killAll()
      process.exit(1)
    },
  })
  try {
    await supervisor.start()
    console.log(`\n${statusTable(supervisor.processes)}\n\n${addressLines(plan, STACK)}`)
    console.log(await operatorLine(plan))
    console.log(readyLine(plan, Date.now() - startedAt))
  } catch (error) {
    if (!isStopping) throw new CannotStart(error instanceof Error ? error.message : String(error))
  }
  await stopped.promise
  await log.close()
}

try {
  await start(readSettings(process.argv.slice(2), process.env))
  process.exit(0)
} catch (error) {
  const isPlain = [BadUsage, AlreadyRunning, CannotStart, SysrootUnavailable].some(
    (kind) => error instanceof kind,
  )
  console.error(isPlain && error instanceof Error ? error.message : error)
  process.exit(error instanceof BadUsage ? 2 : 1)
}
