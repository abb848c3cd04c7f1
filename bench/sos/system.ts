/** A way of raising alerts that is measured, and what the ways share. */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LocalServer } from '../../local/servers/local-server.ts'
import type { PlainAlert } from '../peers/sos-work.ts'

export interface SosSystem extends AsyncDisposable {
  readonly name: string
  /** Raises all of them at once; each is then reported to `onDone`. */
  raise(alerts: readonly PlainAlert[]): void
  onDone: OnDone
  /** What works for an alert, by name. */
  readonly pids: ReadonlyMap<string, number>
}

/** All that there is to do for the alert is done, or, with a problem, will not be. */
export type OnDone = (alertId: string, problem?: string) => void

interface PeerMessage {
  readonly ready?: boolean
  readonly port?: number
  readonly done?: readonly string[]
}

export interface Peer extends AsyncDisposable {
  readonly pid: number
  readonly port: number
}

/** A script of peers/ in a process of its own, once it is ready. */
export async function startPeer(
  script: string,
  args: readonly string[],
  onDone: OnDone = () => undefined,
): Promise<Peer> {
  const child: ChildProcess = fork(fileURLToPath(new URL(`../peers/${script}`, import.meta.url)), args)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const port = await new Promise<number>((resolve, reject) => {
    void ended.then((code) => reject(new Error(`${script} ended with ${code}`)))
    // Of the scripts in peers/ alone.
    child.on('message', (message: PeerMessage) => {
      if (message.ready) resolve(message.port ?? 0)
      for (const alertId of message.done ?? []) onDone(alertId)
    })
  })
  return {
    pid: child.pid ?? 0,
    port,
    async [Symbol.asyncDispose]() {
      child.disconnect()
      await ended
    },
  }
}

/** Servers with a folder of their own, ended and emptied together with what uses them. */
export async function startStores<Name extends string>(
  opened: AsyncDisposableStack,
  starts: Readonly<Record<Name, (options: { dataDir: string }) => Promise<LocalServer>>>,
): Promise<Record<Name, LocalServer>> {
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-bench-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const entries = Object.entries<(options: { dataDir: string }) => Promise<LocalServer>>(starts)
  const servers = await Promise.all(
    entries.map(
      async ([name, start]) => [name, opened.use(await start({ dataDir: join(folder, name) }))] as const,
    ),
  )
  // The names are those that were given.
  return Object.fromEntries(servers) as Record<Name, LocalServer>
}
