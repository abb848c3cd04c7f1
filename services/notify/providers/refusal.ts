/** Why a provider takes no message, in the terms that a sender decides by. */
import type { SendResult } from '../provider.ts'

export type Refusal = Extract<SendResult, { kind: 'refused' }>

export interface RefusalRule {
  readonly isPermanent: boolean
  readonly suppress?: true
  /** Never the provider's own words, which may repeat the recipient. */
  readonly detail: string
}

/** Nothing should go to this address again. */
export function badAddress(detail: string): RefusalRule {
  return { isPermanent: true, suppress: true, detail }
}

/** This message cannot go to this address by this provider; others can. */
export function badMessage(detail: string): RefusalRule {
  return { isPermanent: true, detail }
}

/** Our standing with the provider: its operators set it right, and the same message goes out then. */
export function badAccount(detail: string): RefusalRule {
  return { isPermanent: false, detail }
}

export function refused(code: string | number, rule: RefusalRule): Refusal {
  return { kind: 'refused', code: String(code), ...rule }
}

/** For codes that no table knows. */
export function refusedByStatus(status: number, code: string | number = status): Refusal {
  const isAccount = status === 401 || status === 402 || status === 403
  return refused(code, isAccount ? badAccount(`HTTP ${status}`) : badMessage(`HTTP ${status}`))
}
