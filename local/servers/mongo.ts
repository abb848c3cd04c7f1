/**
 * MongoDB's engine from npm, in a process of its own: see `mongo-process.ts`.
 *
 * `w=1&journal=true` is part of the address. Without `journal` an acknowledged
 * write is lost when the process is killed; and with `w=majority` beside it
 * this engine, a server without replicas, answers some writes of many at once
 * before they are in the journal.
 */
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { HOST } from '../ports.ts'
import { findSysroot, mongoNeedsLoader, throughLoader } from '../sysroot.ts'
import { LocalServer, type ServerOptions, type ServerSpec } from './local-server.ts'

export async function describeMongo(dataDir: string, port: number): Promise<ServerSpec> {
  await mkdir(dataDir, { recursive: true })
  const script = fileURLToPath(new URL('mongo-process.ts', import.meta.url))
  const args = [script, '--data', dataDir, '--host', HOST, '--port', String(port)]
  const url = `mongodb://${HOST}:${port}/?directConnection=true&w=1&journal=true`
  return {
    name: 'mongo',
    command: mongoNeedsLoader()
      ? throughLoader(await findSysroot(), process.execPath, args)
      : [process.execPath, ...args],
    url,
    address: url,
    port,
    // The process says so itself once the port is its own, which no stranger can do.
    ready: { line: `mongo listening on ${HOST}:${port}` },
    isNotable: (line) => line.startsWith('error:'),
  }
}

export async function startMongo(options: ServerOptions): Promise<LocalServer> {
  return await LocalServer.start((port) => describeMongo(options.dataDir, port), options)
}
