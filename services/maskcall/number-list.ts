/** The list of virtual numbers, as the setting holds it: JSON `[{"number","provider","country","circle"}]`. */
import { PROVIDER_NAMES, type ProviderName } from './voice-provider.ts'

export interface PoolNumber {
  /** E.164. */
  readonly number: string
  readonly provider: ProviderName
  /** ISO 3166, two letters. */
  readonly country: string
  /** Of India's telecom circles, such as AP or KA; empty elsewhere. */
  readonly circle: string
}

const NUMBERS_MAX = 100_000

function readNumber(entry: unknown, index: number): PoolNumber {
  const fields =
    typeof entry === 'object' && entry !== null ? (entry as Readonly<Record<string, unknown>>) : {}
  const problem = (what: string): Error => new Error(`has an entry ${index} ${what}`)
  const { number, provider, country = 'IN', circle = '' } = fields
  if (typeof number !== 'string' || !/^\+[1-9][0-9]{6,14}$/.test(number))
    throw problem('without a number in E.164')
  const known = PROVIDER_NAMES.find((name) => name === provider)
  if (known === undefined) throw problem(`whose provider is none of ${PROVIDER_NAMES.join(', ')}`)
  if (typeof country !== 'string' || !/^[A-Z]{2}$/.test(country))
    throw problem('whose country is not two capitals')
  if (typeof circle !== 'string' || circle.length > 40) throw problem('whose circle is no short text')
  return { number, provider: known, country, circle }
}

export function readNumberList(json: string): readonly PoolNumber[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    throw new Error('is no JSON')
  }
  if (!Array.isArray(parsed) || parsed.length === 0) throw new Error('is no list of numbers')
  if (parsed.length > NUMBERS_MAX) throw new Error(`has more than ${NUMBERS_MAX} numbers`)
  const numbers = parsed.map(readNumber)
  if (new Set(numbers.map(({ number }) => number)).size !== numbers.length)
    throw new Error('has a number twice')
  return numbers
}
