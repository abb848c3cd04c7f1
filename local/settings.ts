/** Reads what `npm start` is told by flags and environment. The only reader of the local stack's settings. */
import { parseArgs } from 'node:util'
import { type ConsoleLevel, readConsoleLevel } from './console-log.ts'

/** Operations ports are the gRPC port plus this. */
const OPS_OFFSET = 2000

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
  readonly hasDemo: boolean
  readonly natsUrl: string | undefined
  readonly redisUrl: string | undefined
  readonly mongoUrl: string | undefined
  readonly mongoDb: string
  readonly consoleLevel: ConsoleLevel
  readonly serviceKey: string | undefined
  readonly peerKey: string | undefined
  readonly directoryKeysFile: string | undefined
  readonly directory: { readonly grpc: number; readonly ops: number }
  readonly location: { readonly grpc: number; readonly ops: number }
  readonly history: { readonly ops: number }
  readonly edges: readonly { readonly http: number; readonly grpc: number; readonly ops: number }[]
  /** Every port that has to be free. */
  readonly ports: readonly PortSetting[]
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

export function readSettings(args: readonly string[], env: NodeJS.ProcessEnv): StackSettings {
  const flags = readFlags(args)
  const problems: string[] = []
  const ports: PortSetting[] = []

  const port = (owner: string, setting: string, fallback: number): number => {
    const text = env[setting] || String(fallback)
    const value = Number(text)
    if (!Number.isInteger(value) || value < 1 || value > 65_535)
      problems.push(`${setting}=${text} is not a port`)
    ports.push({ port: value, owner, setting })
    return value
  }
  const grpc = (owner: string, setting: string, fallback: number) => {
    const value = port(owner, setting, fallback)
    ports.push({
      port: value + OPS_OFFSET,
      owner: `operations of ${owner}`,
      setting: `${setting} + ${OPS_OFFSET}`,
    })
    if (value + OPS_OFFSET > 65_535)
      problems.push(`${setting}=${value} leaves no room for the operations port`)
    return { grpc: value, ops: value + OPS_OFFSET }
  }
  const text = (name: string): string | undefined => env[name] || undefined

  const edges = [
    { http: port('edge-1', 'EDGE_1_PORT', 8080), ...grpc('edge-1', 'EDGE_1_GRPC_PORT', 7010) },
    { http: port('edge-2', 'EDGE_2_PORT', 8081), ...grpc('edge-2', 'EDGE_2_GRPC_PORT', 7011) },
  ]
  const location = grpc('location', 'LOCATION_GRPC_PORT', 7001)
  const directory = grpc('directory', 'DIRECTORY_GRPC_PORT', 7006)
  const history = { ops: port('operations of location-history', 'HISTORY_OPS_PORT', 9021) }
  for (const [index, one] of ports.entries()) {
    const twin = ports.slice(0, index).find((other) => other.port === one.port)
    if (twin)
      problems.push(
        `port ${one.port} is given to ${twin.owner} (${twin.setting}) and to ${one.owner} (${one.setting})`,
      )
  }
  let consoleLevel: ConsoleLevel = 'warn'
  try {
    consoleLevel = readConsoleLevel(env.CONSOLE_LOG_LEVEL || 'warn')
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  if (problems.length > 0) throw new BadUsage(`These settings cannot be used:\n  ${problems.join('\n  ')}`)
  return {
    ...flags,
    natsUrl: text('NATS_URL'),
    redisUrl: text('REDIS_URL'),
    mongoUrl: text('MONGO_URL'),
    mongoDb: text('MONGO_DB') ?? 'hushryd',
    consoleLevel,
    serviceKey: text('HUSHRYD_SERVICE_KEY'),
    peerKey: text('HUSHRYD_PEER_KEY'),
    directoryKeysFile: text('DIRECTORY_KEYS_FILE'),
    directory,
    location,
    history,
    edges,
    ports,
  }
}
