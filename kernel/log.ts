/**
 * One JSON line a record. What must never be in a log goes by its field's
 * name, at any depth, and phone numbers in E.164 also by their look.
 */
import { type Bindings, destination, type Logger, pino } from 'pino'

export type Log = Logger

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogOptions {
  readonly name: string
  readonly level?: LogLevel
  /** Gets whole lines; standard output where left out. */
  readonly sink?: { write(line: string): void }
}

/** A field whose name holds one of these words, in any case and with _ or - anywhere, is left out. */
const SECRET_WORDS =
  /phone|mobile|msisdn|whatsapp|email|token|ticket|authorization|cookie|secret|password|contact|credential|coordinate|latitude|longitude|apikey|peerkey|servicekey|privatekey/
/** Short names, which as parts of others would hit too much (`lat` in `latency`). */
const SECRET_NAMES = new Set([
  'lat',
  'lng',
  'lon',
  'key',
  'location',
  'locations',
  'position',
  'positions',
  'point',
  'email',
  'auth',
  'pin',
  'otp',
])
const REDACTED = '[redacted]'
const DEPTH_MAX = 6
const ITEMS_MAX = 20
const TEXT_CHARS_MAX = 8192

export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[_\-\s.]/g, '')
  return SECRET_NAMES.has(plain) || SECRET_WORDS.test(plain)
}

const SHOWN_DIGITS = 4

/** `+919876543210` becomes `+91******3210`: enough to tell two numbers apart, not to call one. */
export function maskPhone(phone: string): string {
  const head = phone.startsWith('+') ? 3 : 0
  const hidden = phone.length - head - SHOWN_DIGITS
  if (hidden <= 0) return '*'.repeat(phone.length)
  return phone.slice(0, head) + '*'.repeat(hidden) + phone.slice(-SHOWN_DIGITS)
}

/** E.164, perhaps with separators between the digits. */
const PHONE = /\+\d(?:[\s().-]{0,2}\d){7,14}/g

export function redactText(text: string): string {
  const short =
    text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}… (${text.length} characters)` : text
  return short.includes('+')
    ? short.replaceAll(PHONE, (phone) => maskPhone(phone.replaceAll(/[^+\d]/g, '')))
    : short
}

function redactError(error: Error, depth: number): unknown {
  const { name, message, stack, cause } = error
  const own: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(error)) {
    if (key !== 'stack' && key !== 'message')
      own[key] = isSecretName(key) ? REDACTED : redactValue(value, depth + 1)
  }
  return {
    ...own,
    name,
    message: redactText(message),
    ...(stack === undefined ? {} : { stack: redactText(stack) }),
    ...(cause === undefined ? {} : { cause: redactValue(cause, depth + 1) }),
  }
}

function redactFields(value: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(value)) {
    copy[redactText(key)] = isSecretName(key) ? REDACTED : redactValue(field, depth + 1)
  }
  return copy
}

/** A copy without anything that must not be in a log, bounded in depth and length. */
export function redactValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '[function]' : value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[invalid date]' : value.toISOString()
  if (depth >= DEPTH_MAX) return '[deeper]'
  if (value instanceof Error) return redactError(value, depth)
  if (Array.isArray(value)) {
    const items = value.slice(0, ITEMS_MAX).map((item) => redactValue(item, depth + 1))
    if (value.length > ITEMS_MAX) items.push(`… (${value.length} items)`)
    return items
  }
  if (value instanceof Map) return redactFields(Object.fromEntries(value), depth)
  if (value instanceof Set) return redactValue([...value], depth)
  return redactFields(value, depth)
}

/** pino takes the bindings of children as they are, so they are redacted on the way in; children inherit this. */
function redactBindings(log: Log): Log {
  const { child, setBindings } = log
  log.child = function redactedChild(this: Log, bindings: Bindings, options?: object) {
    return Reflect.apply(child, this, [redactFields(bindings, 0), options])
  }
  log.setBindings = function setRedacted(this: Log, bindings: Bindings) {
    Reflect.apply(setBindings, this, [redactFields(bindings, 0)])
  }
  return log
}

export function createLog({ name, level = 'info', sink }: LogOptions): Log {
  const log = pino(
    {
      level,
      base: { service: name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (record) => redactFields(record, 0),
      },
      // The formatter above has already turned errors into plain fields.
      serializers: { err: (value) => value },
      hooks: {
        logMethod(args, method) {
          // The first may be the record, which the formatter redacts; the others fill the message's places.
          const safe: unknown[] = args.map((arg, index) =>
            index > 0 || typeof arg === 'string' ? redactValue(arg) : arg,
          )
          // pino takes the message of a lone error as it is.
          if (safe.length === 1 && safe[0] instanceof Error) safe.push(redactText(safe[0].message))
          // pino's own rest type is a tuple by overload; the arguments keep their places.
          Reflect.apply(method, this, safe)
        },
      },
    },
    sink ?? destination({ dest: 1, sync: true }),
  )
  return redactBindings(log)
}
