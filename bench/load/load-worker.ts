/**
 * One process of the load: drivers that report and riders that follow them.
 * Told what to do by its parent over IPC; answers with what the riders saw.
 */
import { ClientFrame } from '@hushryd/gen/hushryd/edge/v1/frames.ts'
import { type LeanSocket, openLeanSocket } from './lean-socket.ts'
import { findTripTimeMs } from './trip-frame.ts'

export interface LoadPlan {
  /** Each trip's people, signed in. */
  trips: { tripId: string; driverToken: string; riderTokens: string[] }[]
  /** Hosts and ports of the edges; a trip's rider is on another edge than its driver. */
  edges: { host: string; port: number }[]
  /** Positions a second of all drivers together. */
  rate: number
  protocol: 'hushryd.v1.json' | 'hushryd.v1.proto'
  /** A whole number that keeps source addresses of several workers apart. */
  worker: number
}

export type LoadCommand =
  | { type: 'connect'; plan: LoadPlan }
  | { type: 'measure'; seconds: number; rate: number }
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
const CONNECTS_AT_ONCE = 64
const LATENCY_BUCKETS = 5_001
const TICK_MS = 5
const OPCODE_BINARY = 2

const drivers: { socket: LeanSocket; tripId: string; lat: number; lng: number }[] = []
const errors: string[] = []
let json = false
let latencyCounts = new Array<number>(LATENCY_BUCKETS).fill(0)
let received = 0
let closed = 0
let joined = 0

function noteLatency(timestampMs: number): void {
  received += 1
  const bucket = Math.min(LATENCY_BUCKETS - 1, Math.max(0, Date.now() - timestampMs))
  latencyCounts[bucket] = (latencyCounts[bucket] ?? 0) + 1
}

function onRiderFrame(payload: Buffer, opcode: number): void {
  if (opcode === OPCODE_BINARY) {
    const timestampMs = findTripTimeMs(payload)
    if (timestampMs !== undefined) noteLatency(timestampMs)
    else if (payload[0] === 0x0a) joined += 1
    return
  }
  const text = payload.toString('latin1')
  if (text.startsWith('{"trip"')) noteLatency(Number(/"timestampMs":(\d+)/.exec(text)?.[1]))
  else if (text.includes('"joined"')) joined += 1
  else if (text.includes('"error"') && errors.length < 5) errors.push(text)
}

function onDriverFrame(payload: Buffer): void {
  const text = payload.toString('latin1')
  if (text.includes('error') && errors.length < 5) errors.push(text)
}

function encode(tripId: string, lat: number, lng: number, timestampMs: number): Buffer {
  const location = { tripId, lat, lng, accuracy: 5, speed: 8.2, heading: 90, timestampMs }
  if (json) return Buffer.from(JSON.stringify({ location }))
  return Buffer.from(ClientFrame.encode({ id: '', frame: { $case: 'location', value: location } }).finish())
}

async function connectAll(plan: LoadPlan): Promise<void> {
  json = plan.protocol === 'hushryd.v1.json'
  let opened = 0
  const open = (edge: { host: string; port: number }, token: string, onFrame: typeof onRiderFrame) => {
    opened += 1
    return openLeanSocket({
      ...edge,
      path: '/v1/ws',
      // 127.0.0.1 stays free for everything else.
      localAddress: `127.${10 + plan.worker}.0.${1 + Math.floor(opened / SOCKETS_PER_ADDRESS)}`,
      protocol: plan.protocol,
      token,
      onFrame,
      onClose: () => {
        closed += 1
      },
    })
  }
  let next = 0
  async function work(): Promise<void> {
    for (let index = next++; index < plan.trips.length; index = next++) {
      const trip = plan.trips[index]
      if (trip === undefined) return
      const edge = plan.edges[index % plan.edges.length]
      const otherEdge = plan.edges[(index + 1) % plan.edges.length]
      if (edge === undefined || otherEdge === undefined) throw new Error('a load needs an edge')
      const socket = await open(edge, trip.driverToken, onDriverFrame)
      drivers.push({ socket, tripId: trip.tripId, lat: 12.9 + (index % 1000) * 1e-4, lng: 77.5 })
      for (const token of trip.riderTokens) {
        const rider = await open(otherEdge, token, onRiderFrame)
        const join = { tripId: trip.tripId, sinceMs: 0 }
        rider.send(
          json
            ? Buffer.from(JSON.stringify({ id: 'j', join }))
            : Buffer.from(ClientFrame.encode({ id: 'j', frame: { $case: 'join', value: join } }).finish()),
        )
      }
    }
  }
  await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, work))
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
        driver.lat += 1e-5
        driver.socket.send(encode(driver.tripId, driver.lat, driver.lng, timestampMs))
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
      }, 1_000)
    }, TICK_MS)
  })
}

process.on('message', (command: LoadCommand) => {
  if (command.type === 'end') process.exit(0)
  const work =
    command.type === 'connect'
      ? connectAll(command.plan).then(() => ({ joined, drivers: drivers.length, errors }))
      : measure(command.seconds, command.rate)
  work.then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
