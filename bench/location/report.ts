/** The bench's figures as ratios, for people and for the file. Pure but for the machine's facts. */
import { cpus, totalmem } from 'node:os'
import type { Measured } from './measure.ts'

export interface Ratios {
  readonly encoding: string
  readonly followers: number
  /** Our highest rate over the other's. */
  readonly rateToSocketIo: number
  readonly rateToRelay: number
  /** Our CPU an update over the other's, without and, where it was measured, with the history that only ours keeps. */
  readonly cpuToSocketIo: number
  readonly cpuWithHistoryToSocketIo?: number
}

export function ratiosOf(all: readonly Measured[]): Ratios[] {
  const ours = all.filter(({ system }) => system === 'hushryd')
  return ours.flatMap((own) => {
    const peer = (name: string): Measured | undefined =>
      all.find(
        ({ system, encoding, followers }) =>
          system === name && encoding === own.encoding && followers === own.followers,
      )
    const socketio = peer('socketio')
    const relay = peer('relay')
    const history = peer('hushryd+history')
    if (socketio === undefined || relay === undefined) return []
    return {
      encoding: own.encoding,
      followers: own.followers,
      rateToSocketIo: own.maxRate / socketio.maxRate,
      rateToRelay: own.maxRate / relay.maxRate,
      cpuToSocketIo: own.cpuUs / socketio.cpuUs,
      ...(history === undefined
        ? {}
        : { cpuWithHistoryToSocketIo: (history.cpuUs + history.backgroundCpuUs) / socketio.cpuUs }),
    }
  })
}

export function tableOf(all: readonly Measured[]): string {
  const rows = all.map((each) => [
    each.system,
    each.encoding,
    `1:${each.followers}`,
    `${each.maxRate}/s`,
    `${each.p50Ms} ms`,
    `${each.p99Ms} ms`,
    `${each.cpuUs.toFixed(1)} µs`,
    `${each.backgroundCpuUs.toFixed(1)} µs`,
    `${each.residentMb.toFixed(0)} MB`,
    `${each.connectSeconds.toFixed(1)} s`,
  ])
  const heads = [
    'system',
    'frames',
    'to',
    'at p99 < 100 ms',
    'p50',
    'p99',
    'CPU an update',
    'beside it',
    'memory',
    'connect',
  ]
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  return [heads, ...rows]
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n')
}

export function ratioText({
  encoding,
  followers,
  cpuWithHistoryToSocketIo: withHistory,
  ...ratios
}: Ratios): string {
  return (
    `${encoding}, 1:${followers}: ${ratios.rateToSocketIo.toFixed(2)} × Socket.IO's rate, ` +
    `${ratios.rateToRelay.toFixed(2)} of the bare relay's; CPU an update ` +
    `${ratios.cpuToSocketIo.toFixed(2)} of Socket.IO's` +
    (withHistory === undefined ? '' : ` (${withHistory.toFixed(2)} with the history)`)
  )
}

export function machineFacts(): Readonly<Record<string, string | number>> {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    system: `${process.platform} ${process.arch}`,
  }
}
