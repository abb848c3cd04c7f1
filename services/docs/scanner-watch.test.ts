import { createMetrics } from '@hushryd/kernel/metrics.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { expect, it } from 'vitest'
import { createDocsEvents } from './events.ts'
import { ScannerAway } from './scanner.ts'
import { CALM_MS, ScannerWatch } from './scanner-watch.ts'

function startWatch() {
  const { log, records } = createMemoryLog()
  const world = { isAway: false, isLogAway: false, nowMs: 1_000_000, told: [] as string[] }
  const answer = async <T>(value: T): Promise<T> => {
    if (world.isAway) throw new ScannerAway('no answer')
    return value
  }
  const watch = new ScannerWatch({
    scanner: { scan: () => answer({ kind: 'clean' }), ping: () => answer(undefined) },
    eventLog: {
      async record({ type }) {
        if (world.isLogAway) throw new Error('the log is away')
        world.told.push(type)
      },
    },
    events: createDocsEvents(log, createMetrics('test')),
    nowMs: () => world.nowMs,
  })
  const errors = () => records().filter(({ level }) => level === 'error')
  /** As the loop does it, after some time. */
  const lookAfter = async (ms: number): Promise<void> => {
    world.nowMs += ms
    await watch.look()
  }
  return { world, watch, errors, lookAfter }
}

it('a short absence has uploads wait, and nobody hears of it', async () => {
  const { world, watch, errors, lookAfter } = startWatch()
  world.isAway = true
  await lookAfter(0)
  expect(watch.isUp).toBe(false)
  const back = watch.up(new AbortController().signal)
  await lookAfter(CALM_MS - 1)
  world.isAway = false
  await lookAfter(1)
  await back
  expect(watch.isUp).toBe(true)
  expect(world.told).toEqual([])
  expect(errors()).toEqual([])
})

it('an absence that lasts is told once, and so is its end', async () => {
  const { world, watch, errors, lookAfter } = startWatch()
  world.isAway = true
  await expect(watch.scan(Buffer.of(1))).rejects.toBeInstanceOf(ScannerAway)
  await lookAfter(CALM_MS)
  await lookAfter(CALM_MS)
  expect(world.told).toEqual(['docs.scanner_away'])
  expect(errors()).toHaveLength(1)
  world.isAway = false
  await lookAfter(CALM_MS)
  await lookAfter(CALM_MS)
  expect(world.told).toEqual(['docs.scanner_away', 'docs.scanner_back'])
})

it('what the log of operations could not take is told later', async () => {
  const { world, errors, lookAfter } = startWatch()
  world.isAway = true
  world.isLogAway = true
  await lookAfter(0)
  await expect(lookAfter(CALM_MS)).rejects.toThrow('the log is away')
  expect(errors()).toEqual([])
  world.isLogAway = false
  await lookAfter(CALM_MS)
  expect(world.told).toEqual(['docs.scanner_away'])
  expect(errors()).toHaveLength(1)
})

it('who waits for the scanner stops waiting when the process does', async () => {
  const { world, watch, lookAfter } = startWatch()
  world.isAway = true
  await lookAfter(0)
  const stopped = new AbortController()
  const waiting = watch.up(stopped.signal)
  stopped.abort()
  await waiting
  expect(watch.isUp).toBe(false)
})
