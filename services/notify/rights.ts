/** Which services may have messages sent. The kernel lets every service call everything. */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'

/** They have something to tell people; positions and calls do not. */
const SENDERS: ReadonlySet<string> = new Set(['sos', 'docs', 'maskcall', 'admin'])

/** The name under which the caller's idempotency keys are its own. */
export function checkMaySend(caller: Caller): string {
  if (caller.kind === 'service' && SENDERS.has(caller.name)) return caller.name
  throw new DomainError(
    ErrorReason.ERROR_REASON_FORBIDDEN,
    'Only services that tell people things send messages.',
  )
}

export function checkMayQueue(caller: Caller): string {
  return caller.kind === 'backend' ? 'backend' : checkMaySend(caller)
}

/** The contract names the people who may; of the services only those that send. */
export function checkMayRead(caller: Caller): void {
  if (caller.kind === 'service') checkMaySend(caller)
}

/** Who acts, for the log of the operations room. */
export function nameOf(caller: Caller): string {
  if (caller.kind === 'user') return caller.userId
  return caller.kind === 'service' ? caller.name : caller.kind
}
