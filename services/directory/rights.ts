/**
 * Who may do what here. The kernel has checked the method's audience; it lets
 * every service call everything, so which service reads what is decided here.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Caller } from '@hushryd/kernel/rpc/caller.ts'

/** They reach people, or connect them, and so need numbers and addresses. */
const USER_READERS: ReadonlySet<string> = new Set(['notify', 'sos', 'maskcall'])
const CONTACTS_READERS: ReadonlySet<string> = new Set(['notify', 'sos', 'maskcall'])
const TRIP_READERS: ReadonlySet<string> = new Set(['location', 'edge', 'sos', 'maskcall', 'docs', 'admin'])

export function checkIsBackend(caller: Caller): void {
  if (caller.kind !== 'backend') throw forbidden('Only the backend writes this.')
}

export function checkMayReadUser(caller: Caller): void {
  if (!isServiceOf(caller, USER_READERS))
    throw forbidden('Profiles are read by notify, sos and maskcall only.')
}

export function checkMayWriteContacts(caller: Caller, userId: string): void {
  if (caller.kind === 'backend' || isPerson(caller, userId)) return
  throw forbidden('Emergency contacts are changed by the person and the backend only.')
}

export function checkMayReadContacts(caller: Caller, userId: string): void {
  if (caller.kind === 'backend' || isPerson(caller, userId) || isServiceOf(caller, CONTACTS_READERS)) return
  throw forbidden('Emergency contacts are read by the person, the backend, notify, sos and maskcall only.')
}

export function checkMayReadTrip(caller: Caller): void {
  if (isServiceOf(caller, TRIP_READERS) || isOperations(caller)) return
  throw forbidden('Trips are read by operations and by services that follow them only.')
}

function isPerson(caller: Caller, userId: string): boolean {
  return caller.kind === 'user' && caller.userId === userId
}

function isOperations(caller: Caller): boolean {
  return caller.kind === 'user' && caller.role === 'admin'
}

function isServiceOf(caller: Caller, names: ReadonlySet<string>): boolean {
  return caller.kind === 'service' && names.has(caller.name)
}

function forbidden(message: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, message)
}
