/** The people on duty, from a file that is read anew for each message to them: rosters change without a restart. */
import { readFile } from 'node:fs/promises'

export interface OnCallPerson {
  readonly name: string
  /** E.164. */
  readonly phone: string
  readonly email: string
  /** E.164; empty where it is the phone number. */
  readonly whatsapp: string
  readonly locale: string
}

export type ReadOnCall = () => Promise<readonly OnCallPerson[]>

const FIELDS = ['name', 'phone', 'email', 'whatsapp', 'locale'] as const
const E164 = /^\+[1-9][0-9]{6,14}$/
const PEOPLE_MAX = 50

/** Throws an Error that names places and fields, never what stands there. */
export function parseOnCall(json: string): OnCallPerson[] {
  const list: unknown = JSON.parse(json)
  if (!Array.isArray(list) || list.length > PEOPLE_MAX)
    throw new Error(`the list of people on duty is no list of at most ${PEOPLE_MAX}`)
  return list.map((entry: unknown, index) => {
    const person = { name: '', phone: '', email: '', whatsapp: '', locale: '' }
    if (typeof entry !== 'object' || entry === null) throw new Error(`person ${index} is no object`)
    for (const field of FIELDS) {
      const value: unknown = field in entry ? Reflect.get(entry, field) : ''
      if (typeof value !== 'string') throw new Error(`${field} of person ${index} is no text`)
      person[field] = value
    }
    for (const field of ['phone', 'whatsapp'] as const) {
      if (person[field] !== '' && !E164.test(person[field]))
        throw new Error(`${field} of person ${index} is not in E.164`)
    }
    if (person.phone === '' && person.email === '') throw new Error(`person ${index} cannot be reached`)
    return person
  })
}

/** The file has to be good at the start; one that is broken later leaves the last good list in force. */
export async function openOnCall(
  path: string | undefined,
  onUnreadable: (error: unknown) => void,
): Promise<ReadOnCall> {
  if (path === undefined) return async () => []
  let last = parseOnCall(await readFile(path, 'utf8'))
  return async () => {
    try {
      last = parseOnCall(await readFile(path, 'utf8'))
    } catch (error) {
      onUnreadable(error)
    }
    return last
  }
}
