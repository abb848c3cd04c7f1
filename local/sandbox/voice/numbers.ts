/** The virtual numbers of the local stack, and whose they are: no such numbers are given out in India. */

export interface SandboxNumber {
  readonly number: string
  readonly provider: 'twilio' | 'exotel'
  readonly country: string
  readonly circle: string
}

const PREFIXES = { twilio: '+9180471900', exotel: '+9180472000' } as const
const NUMBERS_EACH = 20

function numbersOf(provider: 'twilio' | 'exotel'): SandboxNumber[] {
  return Array.from({ length: NUMBERS_EACH }, (_, index) => ({
    number: `${PREFIXES[provider]}${String(index).padStart(2, '0')}`,
    provider,
    country: 'IN',
    circle: 'KA',
  }))
}

export const SANDBOX_NUMBERS: readonly SandboxNumber[] = [...numbersOf('twilio'), ...numbersOf('exotel')]
