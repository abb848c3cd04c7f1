/** Reads what `npm start` is told by flags and environment. The only reader of the local stack's settings. */
import { parseArgs } from 'node:util'
import { type ConsoleLevel, readConsoleLevel } from './console-log.ts'
import { OPS_OFFSET, type PlannedProcess, planProcesses, settingPrefix } from './processes.ts'
import { DEMO, type Ports, PROGRAMS, type Program } from './programs.ts'

export const USAGE = `usage: npm start -- [--fresh] [--no-demo]
  --fresh     empty .stack/data first: databases, streams, keys
  --no-demo   run without demo traffic`

export class BadUsage extends Error {}

/** A port and the setting that moves it. */
export interface PortSetting {
  readonly port: number
  readonly owner: string
  readonly setting: string
}

export interface StackSettings {
  readonly isFresh: boolean
  readonly mongoDb: string
  readonly consoleLevel: ConsoleLevel
  readonly processes: readonly PlannedProcess[]
  /** Every port that has to be free. */
  readonly ports: readonly PortSetting[]
  /** As it was given: for the processes, and for addresses of stores that are not to be started here. */
  readonly env: NodeJS.ProcessEnv
}

function readFlags(args: readonly string[]): { isFresh: boolean; hasDemo: boolean } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { fresh: { type: 'boolean' }, 'no-demo': { type: 'boolean' } },
    })
    return { isFresh: values.fresh === true, hasDemo: values['no-demo'] !== true }
  } catch (error) {
    throw new BadUsage(`${error instanceof Error ? error.message : error}\n${USAGE}`)
  }
}

/** Collects ports and what is wrong with them. */
class PortReader {
  readonly ports: PortSetting[] = []
  readonly problems: string[] = []
  readonly #env: NodeJS.ProcessEnv

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env
  }

  read(owner: string, setting: string, fallback: number): number {
    const text = this.#env[setting] || String(fallback)
    const port = Number(text)
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      this.problems.push(`${setting}=${text} is not a port`)
    this.#claim({ port, owner, setting })
    return port
  }

  /** The ports of one copy of a program. */
  portsOf(name: string, { ports }: Program, index: number): Ports {
    const prefix = settingPrefix(name)
    const http = ports.http === undefined ? undefined : this.read(name, `${prefix}_PORT`, ports.http + index)
    const grpc =
      ports.grpc === undefined ? undefined : this.read(name, `${prefix}_GRPC_PORT`, ports.grpc + index)
    const ops =
      grpc !== undefined
        ? this.#opsBeside(grpc, name, `${prefix}_GRPC_PORT`)
        : ports.ops === undefined
          ? undefined
          : this.read(`operations of ${name}`, `${prefix}_OPS_PORT`, ports.ops + index)
    return {
      ...(http === undefined ? {} : { http }),
      ...(grpc === undefined ? {} : { grpc }),
      ...(ops === undefined ? {} : { ops }),
    }
  }

  #opsBeside(grpc: number, name: string, setting: string): number {
    const port = grpc + OPS_OFFSET
    if (port > 65_535) this.problems.push(`${setting}=${grpc} leaves no room for the operations port`)
    this.#claim({ port, owner: `operations of ${name}`, setting: `${setting} (plus ${OPS_OFFSET})` })
    return port
  }

  #claim(one: PortSetting): void {
    const twin = this.ports.find((other) => other.port === one.port)
    if (twin !== undefined) {
      this.problems.push(
        `port ${one.port} is given to ${twin.owner} (${twin.setting}) and to ${one.owner} (${one.setting})`,
      )
    }
    this.ports.push(one)
  }
}

export function readSettings(args: readonly string[], env: NodeJS.ProcessEnv): StackSettings {
  const { isFresh, hasDemo } = readFlags(args)
  const reader = new PortReader(env)
  const processes = planProcesses(
    PROGRAMS.filter(({ name }) => hasDemo || name !== DEMO),
    { portsOf: (name, program, index) => reader.portsOf(name, program, index) },
  )
  const problems = [...reader.problems]
  let consoleLevel: ConsoleLevel = 'warn'
  try {
    consoleLevel = readConsoleLevel(env.CONSOLE_LOG_LEVEL || 'warn')
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  if (problems.length > 0) throw new BadUsage(`These settings cannot be used:\n  ${problems.join('\n  ')}`)
  return {
    isFresh,
    mongoDb: env.MONGO_DB || 'hushryd',
    consoleLevel,
    processes,
    ports: reader.ports,
    env,
  }
}
