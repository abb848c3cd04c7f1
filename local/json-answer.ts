/** What a program has to say, once: a JSON value on its standard output. */
import { once } from 'node:events'
import { describeExit, StartFailed } from './child.ts'
import { signalGroup, spawnGuarded } from './guard.ts'

export interface Question {
  /** For the message of a failure. */
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly limitMs: number
}

const STDERR_LINES = 10

/** Undefined while it is not whole. */
function parseWhole(text: string): unknown {
  if (!text.trimEnd().endsWith('}')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Resolves as soon as the answer, an object, is whole, and ends the program
 * then: whether it would end by itself does not matter. Rejects with what it
 * wrote to standard error when it ends without an answer or takes too long.
 */
export async function askForJson({ name, command, limitMs }: Question): Promise<unknown> {
  const child = spawnGuarded({ command })
  const closed = once(child, 'close').catch(() => undefined)
  const answer = Promise.withResolvers<unknown>()
  let output = ''
  let complaints = ''
  const fail = (why: string): void => {
    const tail = complaints.trimEnd().split('\n').slice(-STDERR_LINES)
    answer.reject(new StartFailed([`${name} ${why}`, ...tail].join('\n    ')))
  }
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
    const whole = parseWhole(output)
    if (whole !== undefined) answer.resolve(whole)
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    complaints += chunk
  })
  child.once('error', ({ message }) => fail(`cannot be run: ${message}`))
  child.once('close', (code, signal) => fail(`ended (${describeExit({ code, signal })}) without an answer`))
  const timer = setTimeout(fail, limitMs, `did not answer within ${limitMs / 1000} s`)
  try {
    return await answer.promise
  } finally {
    clearTimeout(timer)
    if (child.pid !== undefined) {
      signalGroup(child.pid, 'SIGKILL')
      await closed
    }
  }
}
