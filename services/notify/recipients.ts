/** Whom a notification reaches, looked up in the moment of sending: numbers and addresses travel nowhere else. */
import {
  DirectoryServiceDefinition,
  type GetUserResponse,
} from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { createRpcClient, type RpcChannel, type RpcClient } from '@hushryd/kernel/rpc/client.ts'
import type { Notification } from './notification.ts'
import type { ReadOnCall } from './on-call.ts'
import type { Channel } from './provider.ts'

/** Of a person over one channel; several only for push, one a device. */
export type Addresses = Readonly<Record<Channel, readonly string[]>>

export interface Recipient {
  /** The place in the list of contacts, from 0. */
  readonly contact: number
  readonly addresses: Addresses
  readonly locale: string
  /** Of the person that the message is about; empty where none is known. */
  readonly personName: string
}

export interface RecipientsParts {
  readonly channel: RpcChannel
  readonly metrics: Metrics
  readonly readOnCall: ReadOnCall
}

/** The directory answers from its cache; a minute's budget has no room for more. */
const LOOKUP_TIMEOUT_MS = 2_000

/** The directory, or what it needs, is away or too slow. */
export function isAway(error: unknown): boolean {
  return (
    error instanceof DomainError &&
    (error.reason === ErrorReason.ERROR_REASON_UNAVAILABLE ||
      error.reason === ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED)
  )
}

function some(...addresses: readonly string[]): string[] {
  return addresses.filter((address) => address !== '')
}

export class Recipients {
  readonly #directory: RpcClient<typeof DirectoryServiceDefinition>
  readonly #readOnCall: ReadOnCall

  constructor({ channel, metrics, readOnCall }: RecipientsParts) {
    this.#directory = createRpcClient(DirectoryServiceDefinition, channel, {
      timeoutMs: LOOKUP_TIMEOUT_MS,
      metrics,
    })
    this.#readOnCall = readOnCall
  }

  /** All whom it is for; rejects while the directory is away. */
  async list({
    recipients,
    userId,
  }: Pick<Notification, 'recipients' | 'userId'>): Promise<readonly Recipient[]> {
    const person = userId === '' ? undefined : await this.#findUser(userId)
    switch (recipients) {
      case 'user':
        return person === undefined ? [] : [ofUser(person)]
      case 'emergency_contacts':
        return await this.#contactsOf(userId, person)
      case 'on_call':
        return (await this.#readOnCall()).map(({ phone, email, whatsapp, locale }, contact) => ({
          contact,
          addresses: { sms: some(phone), whatsapp: some(whatsapp || phone), email: some(email), push: [] },
          locale,
          personName: person?.name ?? '',
        }))
      case 'direct':
        throw new Error('what was sent directly has no recipient to look up')
    }
  }

  /** The one whom a single message is for. */
  async find(notification: Notification): Promise<Recipient | undefined> {
    const people = await this.list(notification)
    const { contact = 0 } = notification
    return people.find((recipient) => recipient.contact === contact)
  }

  async #findUser(userId: string): Promise<GetUserResponse | undefined> {
    try {
      return await this.#directory.getUser({ userId })
    } catch (error) {
      if (error instanceof DomainError && error.reason === ErrorReason.ERROR_REASON_USER_NOT_FOUND)
        return undefined
      throw error
    }
  }

  async #contactsOf(userId: string, person: GetUserResponse | undefined): Promise<Recipient[]> {
    const { contacts } = await this.#directory.getEmergencyContacts({ userId })
    return contacts.map(({ phone, email }, contact) => ({
      contact,
      addresses: { sms: some(phone), whatsapp: some(phone), email: some(email), push: [] },
      // Contacts have no language of their own on record: families mostly share one.
      locale: person?.locale ?? '',
      personName: person?.name ?? '',
    }))
  }
}

function ofUser({ name, phone, email, whatsapp, locale, pushTokens }: GetUserResponse): Recipient {
  return {
    contact: 0,
    addresses: { sms: some(phone), whatsapp: some(whatsapp), email: some(email), push: pushTokens },
    locale,
    personName: name,
  }
}
