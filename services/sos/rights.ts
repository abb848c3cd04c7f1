/** Who may do what with an alert. The contract's audiences let the right roles in; here it is whose alert it is. Pure. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'

/** Throws FORBIDDEN: an alert is raised by a person. */
export function personOf(caller: Caller): Caller & { readonly kind: 'user' } {
  if (caller.kind === 'user') return caller
  throw forbidden('Only a person raises or cancels an alert.')
}

/** Who of operations acts, for the audit trail. */
export function operatorOf(caller: Caller): string {
  if (caller.kind === 'user') return caller.userId
  if (caller.kind === 'service') return caller.name
  throw forbidden('Only operations do this.')
}

export function isOperations(caller: Caller): boolean {
  return caller.kind === 'service' || (caller.kind === 'user' && caller.role === 'admin')
}

/** Throws ALERT_NOT_FOUND for everyone else's alerts, as for one that does not exist. */
export function checkMayRead(caller: Caller, alert: { readonly userId: string }): void {
  if (!isOperations(caller)) checkIsOwn(caller, alert)
}

export function checkIsOwn(caller: Caller, alert: { readonly userId: string }): void {
  if (caller.kind !== 'user' || caller.userId !== alert.userId) throw notFound()
}

/** Throws FORBIDDEN. */
export function checkMaySetPins(caller: Caller, userId: string): void {
  const isAllowed = caller.kind === 'backend' || (caller.kind === 'user' && caller.userId === userId)
  if (!isAllowed) throw forbidden('PINs are set by the person or by HushRyd’s backend.')
}

/** Throws FORBIDDEN. */
export function checkIsEdge(caller: Caller): void {
  if (caller.kind !== 'service' || caller.name !== 'edge') throw forbidden('The lane is the edge’s.')
}

export function notFound(): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_ALERT_NOT_FOUND, 'There is no such alert.')
}

function forbidden(message: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, message)
}
