/** A log that the test reads. */
import { createLog, type Log, type LogLevel } from '../log.ts'

export interface MemoryLog {
  readonly log: Log
  /** What was written, line by line, as it would reach the sink. */
  readonly lines: readonly string[]
  records(): Record<string, unknown>[]
}

export function createMemoryLog(level: LogLevel = 'debug'): MemoryLog {
  const lines: string[] = []
  const log = createLog({ name: 'test', level, sink: { write: (line) => void lines.push(line) } })
  return { log, lines, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}
