/**
 * One process of the load: drivers that report and riders that follow them.
 * Told what to do by its parent over IPC; answers with what the riders saw.
 */
import { type Dialect, type DialectName, dialectOf, type Encoding } from './dialect.ts'
import { type LeanSocket, openLeanSocket, UpgradeRefused } from './lean-socket.ts'
import type { Trip } from './people.ts'

export interface LoadPlan {
  readonly dialect: DialectName
  readonly encoding: Encoding
  readonly trips: readonly Trip[]
  /** How many of each trip's riders connect. */
  readonly followers: number
  /** Hosts and ports of the nodes; a trip's riders are on another node than its driver. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  /** A whole number that keeps source addresses of several workers apart. */
  readonly worker: number
}

export type LoadCommand =
  | { type: 'connect'; plan: LoadPlan }
  | { type: 'measure'; seconds: number; rate: number }
  | { type: 'disconnect' }
  | { type: 'end' }

export interface LoadResult {
  sent: number
  received: number
  /** Counts of latencies by millisecond; the last holds everything longer. */
  latencyCounts: number[]
  closed: number
  errors: string[]
  /** The longest that this process's own loop was late: past a few ms its own figures are in doubt. */
  loopLateMsMax: number
  cpuMs: number
}

/** Sockets from one source address, so that no address runs out of ports. */
const SOCKETS_PER_ADDRESS = 1_000
const CONNECTS_AT_ONCE = 48
const JOIN_WAIT_MS = 20_000
const CONNECT_WAIT_MS = 20_000
const LATENCY_BUCKETS = 5_001
const TICK_MS = 5
const ERRORS_MAX = 5
/** All begin here: a trip that was driven before would seem to jump, which is held back as suspect. */
const LAT = 12.9

interface Driver {
  readonly socket: LeanSocket
  readonly tripId: string
  lat: number
}

let drivers: Driver[] = []
let sockets: LeanSocket[] = []
let errors: string[] = []
let latencyCounts = new Array<number>(LATENCY_BUCKETS).fill(0)
let received = 0
let closed = 0
let joined = 0
let addresses = 0
let isClosing = false

function note(error: string): void {
  if (errors.length < ERRORS_MAX) errors.push(error)
}

function notePosition(timestampMs: number): void {
  received += 1
  const bucket = Math.min(LATENCY_BUCKETS - 1, Math.max(0, Date.now() - timestampMs))
  latencyCounts[bucket] = (latencyCounts[bucket] ?? 0) + 1
}

/** A node that has more sockets than the others says when to come again. */
async function openWhenTaken(options: Parameters<typeof openLeanSocket>[0]): Promise<LeanSocket> {
  const deadlineMs = performance.now() + CONNECT_WAIT_MS
  for (;;) {
    try {
      return await openLeanSocket(options)
    } catch (error) {
      if (!(error instanceof UpgradeRefused) || error.status !== 503 || performance.now() > deadlineMs)
        throw error
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs))
    }
  }
}

async function openPerson(
  dialect: Dialect,
  node: { readonly host: string; readonly port: number },
  person: { readonly tripId: string; readonly role: 'driver' | 'rider'; readonly token: string | undefined },
  worker: number,
): Promise<LeanSocket> {
  addresses += 1
  let socket: LeanSocket | undefined
  const opened = await openWhenTaken({
    ...node,
    path: dialect.path(person.tripId, person.role),
    // 127.0.0.1 stays free for everything else.
    localAddress: `127.${10 + worker}.${Math.floor(addresses / SOCKETS_PER_ADDRESS / 200) + 1}.${1 + (Math.floor(addresses / SOCKETS_PER_ADDRESS) % 200)}`,
    protocol: dialect.protocol,
    token: person.token,
    onFrame(payload, isText) {
      const seen = dialect.read(payload, isText)
      if (seen === undefined) return
      if (seen.kind === 'position') notePosition(seen.timestampMs)
      else if (seen.kind === 'joined') joined += person.role === 'rider' ? 1 : 0
      else if (seen.kind === 'error') note(seen.text)
      else socket?.send(seen.payload, true)
    },
    onClose: () => {
      if (!isClosing) closed += 1
    },
  })
  socket = opened
  sockets.push(opened)
  const join = dialect.join(person.tripId)
  // Socket.IO's drivers join their namespace as well; ours have nothing to say.
  if (join !== undefined && (person.role === 'rider' || dialect.protocol === undefined))
    opened.send(join, dialect.protocol !== 'hushryd.v1.proto')
  return opened
}

async function connectAll({
  dialect: name,
  encoding,
  trips,
  followers,
  nodes,
  worker,
}: LoadPlan): Promise<void> {
  const dialect = dialectOf(name, encoding)
  drivers = []
  sockets = []
  errors = []
  closed = 0
  joined = 0
  isClosing = false
  let next = 0
  async function work(): Promise<void> {
    for (let index = next++; index < trips.length; index = next++) {
      const trip = trips[index]
      const node = nodes[index % nodes.length]
      const otherNode = nodes[(index + 1) % nodes.length]
      if (trip === undefined || node === undefined || otherNode === undefined) return
      const { tripId, driverToken, riderTokens } = trip
      for (let rider = 0; rider < followers; rider += 1) {
        await openPerson(dialect, otherNode, { tripId, role: 'rider', token: riderTokens[rider] }, worker)
      }
      const socket = await openPerson(dialect, node, { tripId, role: 'driver', token: driverToken }, worker)
      drivers.push({ socket, tripId, lat: LAT })
    }
  }
  await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, work))
  const deadlineMs = performance.now() + JOIN_WAIT_MS
  while (joined < trips.length * followers) {
    if (performance.now() > deadlineMs) {
      throw new Error(
        `only ${joined} of ${trips.length * followers} riders joined; ${errors[0] ?? 'no error'}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  for (const driver of drivers) encoders.set(driver, dialect.encode)
}

const encoders = new WeakMap<Driver, Dialect['encode']>()

function report(driver: Driver, timestampMs: number): void {
  driver.lat += 1e-5
  const frames =
    encoders.get(driver)?.({ tripId: driver.tripId, lat: driver.lat, lng: 77.5, timestampMs }) ?? []
  for (const { payload, isText } of frames) driver.socket.send(payload, isText)
}

/** Drivers report in turn, evenly over time: a driver's own interval is drivers ÷ rate. */
function measure(seconds: number, rate: number): Promise<LoadResult> {
  latencyCounts = new Array<number>(LATENCY_BUCKETS).fill(0)
  received = 0
  let sent = 0
  let turn = 0
  let loopLateMsMax = 0
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  let lastMs = startMs
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const nowMs = performance.now()
      loopLateMsMax = Math.max(loopLateMsMax, nowMs - lastMs - TICK_MS)
      lastMs = nowMs
      const due = Math.floor((Math.min(nowMs - startMs, seconds * 1_000) * rate) / 1_000)
      const timestampMs = Date.now()
      for (; sent < due; sent += 1) {
        const driver = drivers[turn++ % drivers.length]
        if (driver === undefined) break
        report(driver, timestampMs)
      }
      if (nowMs - startMs < seconds * 1_000) return
      clearInterval(timer)
      // What is on its way still counts.
      setTimeout(() => {
        const used = process.cpuUsage(cpu)
        resolve({
          sent,
          received,
          latencyCounts,
          closed,
          errors,
          loopLateMsMax,
          cpuMs: (used.user + used.system) / 1_000,
        })
      }, 700)
    }, TICK_MS)
  })
}

async function disconnect(): Promise<void> {
  isClosing = true
  await Promise.all(
    sockets.map(
      ({ raw }) =>
        new Promise<void>((resolve) => {
          if (raw.destroyed) resolve()
          else raw.once('close', () => resolve()).destroy()
        }),
    ),
  )
  sockets = []
  drivers = []
}

async function carryOut(command: Exclude<LoadCommand, { type: 'end' }>): Promise<unknown> {
  if (command.type === 'connect') return await connectAll(command.plan)
  if (command.type === 'disconnect') return await disconnect()
  return await measure(command.seconds, command.rate)
}

process.on('message', (command: LoadCommand) => {
  if (command.type === 'end') process.exit(0)
  carryOut(command).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
