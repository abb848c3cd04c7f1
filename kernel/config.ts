/**
 * Settings: environment to a frozen typed object, checked whole at start.
 *
 * Each setting carries its own documentation, from which docs/CONFIG.md is
 * generated. A secret has no default and may come from a file instead: X_FILE.
 */
import { readFileSync } from 'node:fs'

export type Environment = Readonly<Record<string, string | undefined>>

/** This process's environment; read nowhere else but in files named config.ts. */
export const environment: Environment = process.env

export interface Setting<T> {
  readonly kind: string
  readonly doc: string
  /** As it would be written in the environment; undefined where there is none. */
  readonly defaultText: string | undefined
  readonly isSecret: boolean
  readonly isRequired: boolean
  /** Throws an Error whose message completes the sentence "KEY ...". */
  parse(text: string | undefined): T
}

type Settings = Readonly<Record<string, Setting<unknown>>>
export type ConfigOf<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never
}

/** All that is wrong with the environment; values of secrets are never in it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

interface ValueOptions<T> {
  readonly doc?: string
  readonly default?: T
}

interface SettingSpec<T> extends ValueOptions<T> {
  readonly kind: string
  readonly isSecret?: boolean
  readonly write?: (value: T) => string
  readonly read: (text: string) => T
}

function setting<T>(spec: SettingSpec<T>): Setting<T> {
  const { kind, doc = '', default: fallback, isSecret = false, write = String, read } = spec
  return {
    kind,
    doc,
    isSecret,
    isRequired: fallback === undefined,
    defaultText: fallback === undefined ? undefined : write(fallback),
    parse(text) {
      if (text !== undefined && text !== '') return read(text)
      if (fallback === undefined) throw new Error('is not set')
      return fallback
    },
  }
}

/** The setting may be left out; its value is then undefined. */
export function optional<T>(inner: Setting<T>): Setting<T | undefined> {
  return {
    ...inner,
    isRequired: false,
    parse: (text) => (text === undefined || text === '' ? undefined : inner.parse(text)),
  }
}

export function text(options: ValueOptions<string> = {}): Setting<string> {
  return setting({ ...options, kind: 'text', read: (value) => value })
}

function readInteger(value: string, { min, max }: { min: number; max: number }): number {
  const number = Number(value)
  if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(number)) throw new Error(`is no whole number: ${value}`)
  if (number < min || number > max) throw new Error(`is outside of ${min} to ${max}: ${value}`)
  return number
}

interface IntegerOptions extends ValueOptions<number> {
  readonly min?: number
  readonly max?: number
}

export function integer(options: IntegerOptions = {}): Setting<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options
  return setting({
    ...options,
    kind: max === Number.MAX_SAFE_INTEGER ? `integer from ${min}` : `integer, ${min} to ${max}`,
    read: (value) => readInteger(value, { min, max }),
  })
}

/** Node's timers hold 31 bits of milliseconds, about 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** Whole milliseconds; the setting's name ends in _MS. */
export function durationMs(options: IntegerOptions = {}): Setting<number> {
  const { min = 0, max = TIMER_MS_MAX } = options
  return setting({ ...options, kind: 'milliseconds', read: (value) => readInteger(value, { min, max }) })
}

/** A share, from 0 to 1. */
export function ratio(options: ValueOptions<number> = {}): Setting<number> {
  return setting({
    ...options,
    kind: 'number from 0 to 1',
    read(value) {
      const number = Number(value)
      if (!/^\d*\.?\d+$/.test(value) || number > 1) throw new Error(`is no number from 0 to 1: ${value}`)
      return number
    },
  })
}

interface UrlOptions extends ValueOptions<string> {
  /** Such as ['redis:', 'rediss:']; any where left out. */
  readonly protocols?: readonly string[]
}

export function url(options: UrlOptions = {}): Setting<string> {
  const { protocols } = options
  return setting({
    ...options,
    kind: 'URL',
    read(value) {
      // The value stays out of messages: URLs may hold passwords. Several hosts after a
      // comma (a replica set, a NATS cluster) are no WHATWG URL; the first is looked at.
      const first = value.replace(/,[^/]*/, '')
      if (!URL.canParse(first)) throw new Error('is no URL')
      const { protocol } = new URL(first)
      if (protocols !== undefined && !protocols.includes(protocol)) {
        throw new Error(`is a ${protocol} URL, not one of ${protocols.join(' ')}`)
      }
      return value
    },
  })
}

/** `host:port`, as gRPC channels take it. */
export function hostPort(options: ValueOptions<string> = {}): Setting<string> {
  return setting({
    ...options,
    kind: 'host:port',
    read(value) {
      const match = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(value)
      if (match === null || Number(match[2]) < 1 || Number(match[2]) > 65_535)
        throw new Error(`is no host:port: ${value}`)
      return value
    },
  })
}

export function oneOf<const V extends string>(
  values: readonly V[],
  options: ValueOptions<NoInfer<V>> = {},
): Setting<V> {
  return setting<V>({
    ...options,
    kind: values.join(' | '),
    read(value) {
      const found = values.find((candidate) => candidate === value)
      if (found === undefined) throw new Error(`is none of ${values.join(', ')}: ${value}`)
      return found
    },
  })
}

/** 1, true, yes or on; 0, false, no or off. */
export function flag(options: ValueOptions<boolean> = {}): Setting<boolean> {
  return setting({
    ...options,
    kind: 'flag',
    read(value) {
      if (/^(1|true|yes|on)$/i.test(value)) return true
      if (/^(0|false|no|off)$/i.test(value)) return false
      throw new Error(`is neither on nor off: ${value}`)
    },
  })
}

/** Shorter keys than this are guessable, or a slip. */
const SECRET_CHARS_MIN = 16

/** By X or, for mounted secrets, by the file that X_FILE names. Never with a default. */
export function secret(options: { readonly doc?: string; readonly charsMin?: number } = {}): Setting<string> {
  const { doc, charsMin = SECRET_CHARS_MIN } = options
  return setting<string>({
    ...(doc === undefined ? {} : { doc }),
    kind: 'secret',
    isSecret: true,
    read(value) {
      if (value.length < charsMin) throw new Error(`is shorter than ${charsMin} characters`)
      return value
    },
  })
}

function readText(env: Environment, key: string, isSecret: boolean): string | undefined {
  const direct = env[key]
  const file = isSecret ? env[`${key}_FILE`] : undefined
  if (file === undefined || file === '') return direct
  if (direct !== undefined && direct !== '') throw new Error(`is set twice: by ${key} and by ${key}_FILE`)
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Error(
      `cannot be read from the file in ${key}_FILE: ${error instanceof Error ? error.message : error}`,
    )
  }
}

/**
 * Reads all settings, or throws one ConfigError with every problem. `check`
 * names what single settings cannot know, such as a key that a mode needs.
 */
export function readEnv<S extends Settings>(
  env: Environment,
  settings: S,
  check: (config: ConfigOf<S>) => readonly string[] = () => [],
): ConfigOf<S> {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [key, { isSecret, parse }] of Object.entries(settings)) {
    try {
      values[key] = parse(readText(env, key, isSecret))
    } catch (error) {
      problems.push(`${key} ${error instanceof Error ? error.message : error}`)
    }
  }
  const config = Object.freeze(values) as ConfigOf<S>
  if (problems.length === 0) problems.push(...check(config))
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}
