/** All apps of the load, in as many processes as the limit on open files asks for, told and asked as one. */
import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { EdgeAddress } from './load-app.ts'
import type { Counts, Openings, WorkerCommand } from './worker.ts'

/** Half of the usual limit on open files: a socket that is left and its successor count both. */
const APPS_PER_WORKER_MAX = 10_000
const LOOK_EVERY_MS = 100

export function addressesOf(edgeUrls: readonly string[]): EdgeAddress[] {
  return edgeUrls.map((url) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }))
}

function sum(lists: readonly (readonly number[])[]): number[] {
  const [first = []] = lists
  return first.map((_, index) => lists.reduce((total, list) => total + (list[index] ?? 0), 0))
}

function sumByCode(all: readonly Counts['lostByCode'][]): Counts['lostByCode'] {
  const summed: Record<string, number> = {}
  for (const [code, count] of all.flatMap((each) => Object.entries(each))) {
    summed[code] = (summed[code] ?? 0) + count
  }
  return summed
}

export class Crowd implements AsyncDisposable {
  readonly size: number
  readonly #edges: readonly EdgeAddress[]
  readonly #tokens: readonly string[]
  readonly #workers: readonly ChildProcess[]

  constructor(edges: readonly EdgeAddress[], tokens: readonly string[]) {
    this.size = tokens.length
    this.#edges = edges
    this.#tokens = tokens
    const script = fileURLToPath(new URL('worker.ts', import.meta.url))
    const workers = Math.ceil(tokens.length / APPS_PER_WORKER_MAX)
    this.#workers = Array.from({ length: workers }, () => fork(script, { serialization: 'advanced' }))
  }

  /** Resolves when all have their socket. */
  async connect(withinMs: number): Promise<void> {
    const share = Math.ceil(this.size / this.#workers.length)
    await Promise.all(
      this.#workers.map((child, worker) => {
        const tokens = this.#tokens.slice(worker * share, (worker + 1) * share)
        return ask(child, { type: 'connect', plan: { edges: this.#edges, tokens, worker } })
      }),
    )
    await this.until('everybody is connected', withinMs, ({ served }) => served === this.size)
  }

  async look(): Promise<Counts> {
    // Answers of `look`, by the worker's own type.
    const all = (await this.#askAll({ type: 'look' })) as Counts[]
    const total = (of: (counts: Counts) => number): number => all.reduce((count, each) => count + of(each), 0)
    return {
      open: sum(all.map(({ open }) => open)),
      served: total(({ served }) => served),
      lost: total(({ lost }) => lost),
      lostByCode: sumByCode(all.map(({ lostByCode }) => lostByCode)),
      sentOn: total(({ sentOn }) => sentOn),
      unreachable: total(({ unreachable }) => unreachable),
      failed: total(({ failed }) => failed),
      errors: all.flatMap(({ errors }) => errors).slice(0, 5),
    }
  }

  /** Openings since the last call, by edge. */
  async takeOpenings(): Promise<Openings> {
    // Answers of `takeOpenings`, by the worker's own type.
    const all = (await this.#askAll({ type: 'takeOpenings' })) as Openings[]
    return this.#edges.map((_, edge) => all.flatMap((openings) => openings[edge] ?? []))
  }

  /** How long it took, in ms. */
  async until(what: string, withinMs: number, isTrue: (counts: Counts) => boolean): Promise<number> {
    const startMs = performance.now()
    for (;;) {
      const counts = await this.look()
      const tookMs = performance.now() - startMs
      if (isTrue(counts)) return tookMs
      if (tookMs > withinMs) {
        throw new Error(`${what}: not within ${withinMs / 1_000} s; ${JSON.stringify(counts)}`)
      }
      await sleep(LOOK_EVERY_MS)
    }
  }

  #askAll(command: WorkerCommand): Promise<unknown[]> {
    return Promise.all(this.#workers.map((child) => ask(child, command)))
  }

  /** Everybody leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#workers.map((child) => {
        const ended = new Promise((resolve) => child.once('exit', resolve))
        child.send({ type: 'leave' } satisfies WorkerCommand)
        return ended
      }),
    )
  }
}

function ask(child: ChildProcess, command: WorkerCommand): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      reject(new Error(`a worker ended with ${code}`))
    }
    child.once('exit', onExit)
    child.once('message', (message: { answer?: unknown; error?: string }) => {
      child.off('exit', onExit)
      if (message.error === undefined) resolve(message.answer)
      else reject(new Error(message.error))
    })
    child.send(command)
  })
}
