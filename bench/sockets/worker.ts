/** One process of apps that keep their sockets. Told what to do by its parent over IPC. */
import { type AppWatcher, type EdgeAddress, LoadApp } from './load-app.ts'

export interface WorkerPlan {
  readonly edges: readonly EdgeAddress[]
  /** One app each. */
  readonly tokens: readonly string[]
  /** A whole number that keeps source addresses of several workers apart. */
  readonly worker: number
}

export type WorkerCommand =
  | { readonly type: 'connect'; readonly plan: WorkerPlan }
  | { readonly type: 'look' }
  | { readonly type: 'takeOpenings' }
  | { readonly type: 'leave' }

/** Counts since the start, but for `open` and `served`. */
export interface Counts {
  /** Sockets by edge; an app that moves has two for a moment. */
  readonly open: readonly number[]
  /** Apps with a socket. */
  readonly served: number
  /** Sockets that ended before their app had another one. */
  readonly lost: number
  readonly lostByCode: Readonly<Record<number, number>>
  /** Tries that came to nothing, by their kind, */
  readonly sentOn: number
  readonly unreachable: number
  readonly failed: number
  /** with the first few of the last kind. */
  readonly errors: readonly string[]
}

/** When sockets were opened, by edge and by its own clock. */
export type Openings = readonly (readonly number[])[]

/** Sockets from one source address, so that no address runs out of ports. */
const SOCKETS_PER_ADDRESS = 1_000
/** Tries under way while everybody comes for the first time; afterwards each comes when it wants. */
const CONNECTS_AT_ONCE = 100
const ERRORS_MAX = 5

let apps: LoadApp[] = []
let open: number[] = []
let openings: number[][] = []
let underWay = 0
let free = Promise.withResolvers<void>()
const counted = { lost: 0, sentOn: 0, unreachable: 0, failed: 0 }
const lostByCode: Record<number, number> = {}
const errors: string[] = []

function tryEnded(): void {
  underWay -= 1
  free.resolve()
}

const watcher: AppWatcher = {
  tries() {
    underWay += 1
  },
  opened(edge, edgeTimeMs) {
    tryEnded()
    open[edge] = (open[edge] ?? 0) + 1
    openings[edge]?.push(edgeTimeMs)
  },
  notOpened(failure, error) {
    tryEnded()
    counted[failure] += 1
    if (failure === 'failed' && errors.length < ERRORS_MAX) errors.push(error.message)
  },
  left(edge) {
    open[edge] = (open[edge] ?? 0) - 1
  },
  lost(edge, code) {
    open[edge] = (open[edge] ?? 0) - 1
    counted.lost += 1
    lostByCode[code] = (lostByCode[code] ?? 0) + 1
  },
}

function addressOf(worker: number, index: number): string {
  // 127.0.0.1 stays free for everything else.
  return `127.${10 + worker}.1.${1 + Math.floor(index / SOCKETS_PER_ADDRESS)}`
}

/** Resolves when all have begun to come. */
async function connect({ edges, tokens, worker }: WorkerPlan): Promise<void> {
  open = edges.map(() => 0)
  openings = edges.map(() => [])
  apps = tokens.map(
    (token, index) => new LoadApp({ edges, token, localAddress: addressOf(worker, index), watcher }),
  )
  for (const app of apps) {
    while (underWay >= CONNECTS_AT_ONCE) {
      free = Promise.withResolvers<void>()
      await free.promise
    }
    app.connect()
  }
}

function look(): Counts {
  const served = apps.reduce((sum, { isServed }) => sum + (isServed ? 1 : 0), 0)
  return { open, served, ...counted, lostByCode, errors }
}

function takeOpenings(): Openings {
  const taken = openings
  openings = taken.map(() => [])
  return taken
}

async function carryOut(command: Exclude<WorkerCommand, { type: 'leave' }>): Promise<unknown> {
  if (command.type === 'connect') return await connect(command.plan)
  return command.type === 'look' ? look() : takeOpenings()
}

process.on('message', (command: WorkerCommand) => {
  // Its sockets end with it.
  if (command.type === 'leave') process.exit(0)
  carryOut(command).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
