/**
 * Finds what may not be in the log: everybody in the operations room sees it,
 * and nothing is ever taken out of it.
 *
 * Pure.
 */

/** E.164, perhaps with separators between the digits. */
const PHONE = /\+\d(?:[\s().-]{0,2}\d){7,14}/
const EMAIL = /[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+/
const DEPTH_MAX = 8

/** The path of the first text that holds a phone number or an e-mail address. */
export function findPersonalData(value: unknown, path = 'data', depth = 0): string | undefined {
  if (typeof value === 'string') return PHONE.test(value) || EMAIL.test(value) ? path : undefined
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === DEPTH_MAX) return path
  for (const [name, inner] of Object.entries(value)) {
    const found = findPersonalData(name, `${path}.…`) ?? findPersonalData(inner, `${path}.${name}`, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}
