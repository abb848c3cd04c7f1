/** Who may call a method: the contract's option `(hushryd.options.v1.audience)`. */
import { Audience } from '@hushryd/gen/hushryd/options/v1/options.ts'
import { DomainError, ErrorReason } from '../error.ts'
import type { Caller } from './caller.ts'
import { descriptors, methodOption } from './descriptors.ts'

const EXTENSION = 'hushryd.options.v1.audience'

const AUDIENCE_OF_ROLE = {
  passenger: Audience.AUDIENCE_PASSENGER,
  driver: Audience.AUDIENCE_DRIVER,
  admin: Audience.AUDIENCE_ADMIN,
} as const

export type Audiences = ReadonlySet<Audience>

/** Empty for a method that only services inside of the mesh call. */
export function audiencesOf(path: string): Audiences {
  const method = descriptors().methods.get(path)
  if (method === undefined) throw new Error(`the contract has no method ${path}`)
  const value = methodOption(method, EXTENSION)
  if (!Array.isArray(value)) throw new Error(`${EXTENSION} of ${path} is no list`)
  return new Set(value as Audience[])
}

export function mayCall(caller: Caller, audiences: Audiences): boolean {
  if (audiences.has(Audience.AUDIENCE_PUBLIC)) return true
  switch (caller.kind) {
    case 'anonymous':
      return false
    case 'service':
      return true
    case 'backend':
      return audiences.has(Audience.AUDIENCE_BACKEND)
    case 'user':
      return audiences.has(AUDIENCE_OF_ROLE[caller.role])
    case 'viewer':
      return audiences.has(Audience.AUDIENCE_VIEWER)
  }
}

export function checkAudience(caller: Caller | undefined, audiences: Audiences): Caller {
  if (caller === undefined) {
    throw new DomainError(
      ErrorReason.ERROR_REASON_UNAUTHENTICATED,
      'The call carries no identity that is known here.',
    )
  }
  if (!mayCall(caller, audiences)) {
    throw new DomainError(ErrorReason.ERROR_REASON_FORBIDDEN, 'This method is not open to the caller.')
  }
  return caller
}
