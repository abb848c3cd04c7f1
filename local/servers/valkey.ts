/**
 * Valkey, which speaks Redis's protocol.
 *
 * It holds nothing that cannot be rebuilt. `keepOnStop` saves it once, at an
 * orderly stop, so that people stay logged in over a restart of the local
 * stack; what was saved is deleted once read, so that a crash later gives an
 * empty store and never one from before.
 */
import { rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HOST } from '../ports.ts'
import { findSysroot, throughLoader } from '../sysroot.ts'
import { firstBytes } from './first-bytes.ts'
import { LocalServer, type ServerOptions, type ServerSpec } from './local-server.ts'

export interface ValkeyOptions extends ServerOptions {
  readonly keepOnStop?: boolean
}

export async function describeValkey(
  { dataDir, keepOnStop = false }: Pick<ValkeyOptions, 'dataDir' | 'keepOnStop'>,
  port: number,
): Promise<ServerSpec> {
  const sysroot = await findSysroot()
  await mkdir(dataDir, { recursive: true })
  const settings: Record<string, string> = {
    port: String(port),
    bind: HOST,
    dir: dataDir,
    dbfilename: 'stop.rdb',
    save: '',
    appendonly: 'no',
    'shutdown-on-sigterm': keepOnStop ? 'save' : 'nosave',
    'shutdown-on-sigint': 'nosave',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  return {
    name: 'valkey',
    command: throughLoader(sysroot, join(sysroot.folder, 'usr/bin/valkey-server'), args),
    url: `redis://${HOST}:${port}`,
    address: `redis://${HOST}:${port}`,
    port,
    ready: {
      answers: async (pid, signal) => {
        const info = await firstBytes(port, {
          request: 'INFO server persistence\r\n',
          isWhole: (text) => text.startsWith('-') || /\nloading:\d\r\n/.test(text),
          signal,
        })
        const isReady = info.includes(`process_id:${pid}\r\n`) && info.includes('\nloading:0\r\n')
        if (isReady) rmSync(join(dataDir, 'stop.rdb'), { force: true })
        return isReady
      },
    },
    // Valkey marks warnings with '#', ordinary notices with '*'.
    isNotable: (line) => /^\d+:\w .* # /.test(line) && !/overcommit|TCP backlog|ready to exit/.test(line),
  }
}

export async function startValkey(options: ValkeyOptions): Promise<LocalServer> {
  return await LocalServer.start((port) => describeValkey(options, port), options)
}
