/** Who may do what here, beyond the method's audience. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'
import type { Document } from './document.ts'

/** Documents are people's own: no service and no backend handles them. */
export function userIdOf(caller: Caller): string {
  if (caller.kind === 'user') return caller.userId
  throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'Only people may do this.')
}

/** Operations, and the overview of the operations room, which counts what waits for them. */
export function maySeeAll(caller: Caller): boolean {
  return isAdmin(caller) || (caller.kind === 'service' && caller.name === 'admin')
}

export function isAdmin(caller: Caller): boolean {
  return caller.kind === 'user' && caller.role === 'admin'
}

/** For whom something is done: the caller himself, or for an admin whom he names. */
export function subjectOf(caller: Caller, named: string): string {
  const own = userIdOf(caller)
  if (named === '' || named === own || isAdmin(caller)) return named === '' ? own : named
  throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'Only operations act for somebody else.')
}

export function mayUse(caller: Caller, document: Document): boolean {
  return isAdmin(caller) || userIdOf(caller) === document.userId
}
