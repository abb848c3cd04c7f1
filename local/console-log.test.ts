import { expect, test } from 'vitest'
import { formatLine } from './console-log.ts'

test('a log record becomes one short line', () => {
  const record = JSON.stringify({ level: 40, time: 1, pid: 2, msg: 'cut off', tripId: 'T', durationMs: 3 })
  expect(formatLine(record, 40)).toBe('WARN  cut off tripId=T durationMs=3')
})

test('a record below the level stays out of the terminal', () => {
  expect(formatLine('{"level":30,"msg":"served"}', 40)).toBeUndefined()
  expect(formatLine('{"level":"info","msg":"served"}', 40)).toBeUndefined()
})

test('lines that are no records pass as they are', () => {
  expect(formatLine('Error: boom', 40)).toBe('Error: boom')
  expect(formatLine('{ not json', 40)).toBe('{ not json')
})
