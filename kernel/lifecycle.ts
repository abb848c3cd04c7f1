/** The life of a process: settings, start, signals, an orderly end. */
import { ConfigError, type Environment, environment, flag, readEnv } from './config.ts'
import { createLog } from './log.ts'
import { startTraces, traceSettings } from './trace-settings.ts'

/** sysexits.h: EX_CONFIG, so that an orchestrator's log tells a wrong setting from a crash. */
const EXIT_CONFIG = 78
const EXIT_FAULT = 1
/** Past this, what is still open is left to die with the process. */
const STOP_BOUND_MS = 25_000
/** Type stripping, `await using` and what else the sources take for granted. */
const NODE_MAJOR_MIN = 26

export const lifecycleSettings = {
  HUSHRYD_PARENT_PIPE: flag({
    default: false,
    doc: 'Standard input is a pipe that the parent holds open: the process stops when it ends, so that no orphan stays.',
  }),
} as const

type Cause = 'SIGTERM' | 'SIGINT' | 'parent'

/** Resolves with the first reason to stop. */
function stopRequested(hasParentPipe: boolean): Promise<Cause> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve('SIGTERM'))
    process.once('SIGINT', () => resolve('SIGINT'))
    if (!hasParentPipe) return
    process.stdin.once('end', () => resolve('parent'))
    process.stdin.once('close', () => resolve('parent'))
    process.stdin.once('error', () => resolve('parent'))
    process.stdin.resume()
  })
}

function readOrExit<C>(readConfig: (env: Environment) => C): C {
  try {
    return readConfig(environment)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(EXIT_CONFIG)
  }
}

/** What main.ts calls. Never returns: the process ends with the service. */
export async function run<C>(
  start: (config: C) => Promise<AsyncDisposable>,
  readConfig: (env: Environment) => C,
): Promise<never> {
  const log = createLog({ name: 'process' })
  const fail = (message: string) => (error: unknown) => {
    log.fatal({ err: error }, message)
    process.exit(EXIT_FAULT)
  }
  // The state is unknown after either: the orchestrator starts a clean process.
  process.on('uncaughtException', fail('uncaught exception'))
  process.on('unhandledRejection', fail('unhandled rejection'))
  if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
    process.stderr.write(`Node ${NODE_MAJOR_MIN} or newer is needed; this is ${process.version}.\n`)
    process.exit(EXIT_CONFIG)
  }

  const config = readOrExit(readConfig)
  const { HUSHRYD_PARENT_PIPE, ...traceConfig } = readOrExit((env) =>
    readEnv(env, { ...lifecycleSettings, ...traceSettings }),
  )
  // Registered before the start: a signal during it stops the process once it is up.
  const stopping = stopRequested(HUSHRYD_PARENT_PIPE)
  let traces: AsyncDisposable | undefined
  let service: AsyncDisposable
  try {
    // Before everything that may be traced.
    traces = await startTraces(traceConfig, process.argv[1] ?? '')
    service = await start(config)
  } catch (error) {
    return fail('start failed')(error) as never
  }

  const cause = await stopping
  log.info({ cause }, 'stopping')
  const bound = setTimeout(() => fail('stop took too long')(undefined), STOP_BOUND_MS)
  try {
    await service[Symbol.asyncDispose]()
    await traces?.[Symbol.asyncDispose]()
  } catch (error) {
    return fail('stop failed')(error) as never
  }
  clearTimeout(bound)
  log.info({ cause }, 'stopped')
  process.exit(0)
}
