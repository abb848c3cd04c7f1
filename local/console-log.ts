/**
 * Output of the processes: every line to a file of its own, what is worth
 * attention to the terminal, with the process's name in front.
 */
import { createWriteStream, existsSync, mkdirSync, renameSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { styleText } from 'node:util'
import type { ProcessSpec } from './child.ts'

const COLOURS = ['cyan', 'magenta', 'green', 'yellow', 'blue'] as const
const NAME_WIDTH = 17
/** pino's numbers. */
const LEVELS: Record<string, number> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: 100,
}
/** Fields that every record has, and that say nothing on a terminal. */
const QUIET_FIELDS = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg', 'service'])

export type ConsoleLevel = keyof typeof LEVELS

export function readConsoleLevel(text: string): ConsoleLevel {
  if (!(text in LEVELS))
    throw new Error(`CONSOLE_LOG_LEVEL=${text} is none of ${Object.keys(LEVELS).join(', ')}`)
  return text
}

/** An error as its message: the file has the rest. */
function writeField(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'name' in value && 'message' in value)
    return `${value.name}: ${value.message}`
  return JSON.stringify(value)
}

/** A log record in one short line, or undefined where it is below the level. Lines that are no records pass whole. */
export function formatLine(line: string, levelMin: number): string | undefined {
  if (!line.startsWith('{')) return line
  let record: Record<string, unknown>
  try {
    record = JSON.parse(line) as Record<string, unknown>
  } catch {
    return line
  }
  const level = typeof record.level === 'string' ? (LEVELS[record.level] ?? 30) : Number(record.level)
  if (level < levelMin) return undefined
  const label = Object.entries(LEVELS).find(([, value]) => value === level)?.[0] ?? String(level)
  const fields = Object.entries(record)
    .filter(([name]) => !QUIET_FIELDS.has(name))
    .map(([name, value]) => `${name}=${writeField(value)}`)
  return [label.toUpperCase().padEnd(5), record.msg, ...fields].filter((part) => part !== undefined).join(' ')
}

export class ConsoleLog {
  readonly #folder: string
  readonly #levelMin: number
  readonly #files = new Map<string, WriteStream>()
  readonly #hasColour: boolean

  constructor(folder: string, level: ConsoleLevel, hasColour: boolean) {
    this.#folder = folder
    this.#levelMin = LEVELS[level] ?? 40
    this.#hasColour = hasColour
    mkdirSync(folder, { recursive: true })
  }

  #file(name: string): WriteStream {
    const open = this.#files.get(name)
    if (open !== undefined) return open
    const path = join(this.#folder, `${name}.log`)
    // The last run's log stays as .1, so that what it said before a crash can still be read.
    if (existsSync(path)) renameSync(path, `${path}.1`)
    const file = createWriteStream(path, { mode: 0o600 })
    file.on('error', (error) => this.say('log', `cannot write ${path}: ${error.message}`))
    this.#files.set(name, file)
    return file
  }

  line(spec: ProcessSpec, line: string): void {
    this.#file(spec.name).write(`${line}\n`)
    if (spec.isNotable !== undefined && !spec.isNotable(line)) return
    const text = formatLine(line, this.#levelMin)
    if (text !== undefined) this.say(spec.name, text)
  }

  say(name: string, text: string): void {
    const label = `${name.padEnd(NAME_WIDTH)}| `
    const hash = [...name].reduce((sum, char) => sum + char.charCodeAt(0), 0)
    const colour = COLOURS[hash % COLOURS.length] ?? 'cyan'
    process.stdout.write(
      `${this.#hasColour ? styleText(colour, label, { validateStream: false }) : label}${text}\n`,
    )
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#files.values()].map((file) => new Promise<void>((resolve) => file.end(resolve))),
    )
  }
}
