/** Who may do what here, beyond the method's audience. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'

/** Sessions and calls are people's own: no service and no backend calls for them. */
export function userIdOf(caller: Caller): string {
  if (caller.kind === 'user') return caller.userId
  throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'Only the people of a trip may do this.')
}

/** Throws FORBIDDEN: contacts are called about alerts and nothing else. */
export function checkIsSos(caller: Caller): void {
  if (caller.kind === 'service' && caller.name === 'sos') return
  throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'Only sos has contacts called.')
}

export function isAdmin(caller: Caller): boolean {
  return caller.kind === 'user' && caller.role === 'admin'
}
