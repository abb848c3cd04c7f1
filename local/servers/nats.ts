/** NATS with JetStream on files. */
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HOST } from '../ports.ts'
import { findSysroot, throughLoader } from '../sysroot.ts'
import { firstBytes } from './first-bytes.ts'
import { LocalServer, type ServerOptions, type ServerSpec } from './local-server.ts'

export interface NatsSpec extends ServerSpec {
  /** As other servers and JetStream call it. */
  readonly serverName: string
}

/** A server's place in a cluster. */
export interface ClusterSeat {
  /** For the other servers. */
  readonly port: number
  /** Of all servers. */
  readonly ports: readonly number[]
}

function clusterLines({ port, ports }: ClusterSeat): string[] {
  return [
    'cluster {',
    '  name: hushryd',
    `  host: ${JSON.stringify(HOST)}`,
    `  port: ${port}`,
    `  routes: ${JSON.stringify(ports.map((each) => `nats://${HOST}:${each}`))}`,
    '}',
  ]
}

export async function describeNats(dataDir: string, port: number, seat?: ClusterSeat): Promise<NatsSpec> {
  const sysroot = await findSysroot()
  // The name is how the probe tells this server from another one that got the port first.
  const serverName = `hushryd-${randomUUID()}`
  const config = join(dataDir, 'nats.conf')
  await mkdir(dataDir, { recursive: true })
  await writeFile(
    config,
    [
      `server_name: ${JSON.stringify(serverName)}`,
      `host: ${JSON.stringify(HOST)}`,
      `port: ${port}`,
      'max_payload: 1MB',
      'jetstream {',
      `  store_dir: ${JSON.stringify(join(dataDir, 'jetstream'))}`,
      '  max_memory_store: 256MB',
      '  max_file_store: 8GB',
      '}',
      ...(seat === undefined ? [] : clusterLines(seat)),
      '',
    ].join('\n'),
  )
  return {
    name: 'nats',
    serverName,
    command: throughLoader(sysroot, join(sysroot.folder, 'usr/sbin/nats-server'), ['--config', config]),
    url: `nats://${HOST}:${port}`,
    address: `nats://${HOST}:${port}`,
    port,
    ready: {
      answers: async (_pid, signal) => {
        const greeting = await firstBytes(port, { isWhole: (text) => text.includes('\r\n'), signal })
        return (
          greeting.startsWith('INFO ') && greeting.includes(`"server_name":${JSON.stringify(serverName)}`)
        )
      },
    },
    isNotable: (line) => /\[(WRN|ERR|FTL)\]/.test(line),
  }
}

export async function startNats(options: ServerOptions): Promise<LocalServer> {
  return await LocalServer.start((port) => describeNats(options.dataDir, port), options)
}
