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

test('an error is shown by its message, its stack is for the file', () => {
  const err = { name: 'Error', message: 'no route', stack: 'Error: no route\n at x' }
  expect(formatLine(JSON.stringify({ level: 'error', msg: 'failed', err }), 40)).toBe(
    'ERROR failed err=Error: no route',
  )
})
