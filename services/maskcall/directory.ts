/** What the directory knows of trips and of people's numbers, over gRPC. */
import { DirectoryServiceDefinition, TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { createRpcClient, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import type { TripPeople } from './session.ts'

export interface Trip extends TripPeople {
  /** Rises with each change. */
  readonly version: number
}

export interface CallLimit {
  readonly deadlineMs?: number | undefined
  readonly timeoutMs?: number
}

export interface Directory {
  /** Undefined where there is no such trip. */
  findTrip(tripId: string, limit: CallLimit): Promise<Trip | undefined>
  /** E.164; empty where none is known. */
  findPhone(userId: string, limit: CallLimit): Promise<string>
  /** Those of a person's emergency contacts who want to be called, with the person's name and language. */
  findContacts(userId: string): Promise<CalledContacts>
}

export interface CalledContacts {
  readonly name: string
  readonly locale: string
  /** By their places in the person's list, from 0. */
  readonly contacts: readonly { readonly contact: number; readonly phone: string }[]
}

const NOBODY: CalledContacts = { name: '', locale: '', contacts: [] }

/** Most callers bring a shorter limit of their own. */
const TIMEOUT_MS = 5_000

/** What the answer is where the directory says that there is none. */
async function orElse<T, U>(work: Promise<T>, reason: ErrorReason, otherwise: U): Promise<T | U> {
  try {
    return await work
  } catch (error) {
    if (error instanceof DomainError && error.reason === reason) return otherwise
    throw error
  }
}

export function createDirectory(channel: RpcChannel, metrics: Metrics): Directory {
  const client = createRpcClient(DirectoryServiceDefinition, channel, { timeoutMs: TIMEOUT_MS, metrics })

  async function getTrip(tripId: string, limit: CallLimit): Promise<Trip> {
    const { driverId, passengerIds, status, version } = await client.getTrip({ tripId }, limit)
    const isOver = status === TripStatus.COMPLETED || status === TripStatus.CANCELLED
    return { driverId, passengerIds, isOver, version }
  }

  async function getPhone(userId: string, limit: CallLimit): Promise<string> {
    const { phone } = await client.getUser({ userId }, limit)
    return phone
  }

  async function findContacts(userId: string): Promise<CalledContacts> {
    const list = await client.getEmergencyContacts({ userId })
    const contacts = list.contacts.flatMap(({ phone, voiceCall }, contact) =>
      voiceCall ? [{ contact, phone }] : [],
    )
    if (contacts.length === 0) return NOBODY
    const user = await orElse(client.getUser({ userId }), ErrorReason.ERROR_REASON_USER_NOT_FOUND, NOBODY)
    return { name: user.name, locale: user.locale, contacts }
  }

  return {
    findContacts,
    findTrip: (tripId, limit) =>
      orElse(getTrip(tripId, limit), ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, undefined),
    findPhone: (userId, limit) =>
      orElse(getPhone(userId, limit), ErrorReason.ERROR_REASON_USER_NOT_FOUND, ''),
  }
}
