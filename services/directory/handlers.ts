/** One function a method: check, call, encode. */
import {
  type DirectoryServiceImplementation,
  type EmergencyContact,
  TripStatus,
} from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { RpcContext } from '@hushryd/kernel/rpc/server.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import type { CachedDocuments } from './cached-documents.ts'
import { type Contact, type ContactsDocument, decideContacts, openContacts } from './contacts-store.ts'
import type { DirectoryEvents } from './events.ts'
import { readOptionalPhone, readPhone } from './phone.ts'
import {
  checkIsBackend,
  checkMayReadContacts,
  checkMayReadTrip,
  checkMayReadUser,
  checkMayWriteContacts,
} from './rights.ts'
import type { TripState } from './trip.ts'
import { decideTripDocument, type TripDocument } from './trip-store.ts'
import { decideUser, openUser, type UserDocument } from './user-store.ts'

export interface HandlerParts {
  readonly ring: KeyRing
  readonly users: CachedDocuments<UserDocument>
  readonly contacts: CachedDocuments<ContactsDocument>
  readonly trips: CachedDocuments<TripDocument>
  readonly events: DirectoryEvents
}

const STATES: Readonly<Record<TripStatus, TripState | undefined>> = {
  [TripStatus.TRIP_STATUS_UNSPECIFIED]: undefined,
  [TripStatus.SCHEDULED]: 'SCHEDULED',
  [TripStatus.ACTIVE]: 'ACTIVE',
  [TripStatus.COMPLETED]: 'COMPLETED',
  [TripStatus.CANCELLED]: 'CANCELLED',
}

export function createHandlers(parts: HandlerParts): DirectoryServiceImplementation<RpcContext> {
  const { ring, users, contacts, trips, events } = parts
  return {
    async putUser(request, { caller }) {
      checkIsBackend(caller)
      const phone = readOptionalPhone(request.phone, 'phone')
      const whatsapp = readOptionalPhone(request.whatsapp, 'whatsapp')
      const user = {
        name: request.name.trim(),
        phone,
        email: request.email.trim(),
        whatsapp: whatsapp === phone ? '' : whatsapp,
        locale: request.locale,
        pushTokens: [...new Set(request.pushTokens)].filter((token) => token !== ''),
      }
      const { document, isChanged } = await users.change(request.userId, (current) =>
        decideUser(ring, request.userId, current, user),
      )
      events.written('user', isChanged)
      return { userId: document._id, updatedAt: document.updatedAt.getTime() }
    },

    async getUser({ userId }, { caller }) {
      checkMayReadUser(caller)
      const document = await users.find(userId)
      if (document === undefined) {
        throw new DomainError(ErrorReason.ERROR_REASON_USER_NOT_FOUND, 'There is no such user.')
      }
      const user = openUser(ring, document)
      return {
        ...user,
        userId,
        pushTokens: [...user.pushTokens],
        whatsapp: user.whatsapp === '' ? user.phone : user.whatsapp,
        version: document.version,
      }
    },

    async putEmergencyContacts(request, { caller }) {
      checkMayWriteContacts(caller, request.userId)
      const list = request.contacts.map(readContact)
      const { isChanged } = await contacts.change(request.userId, (current) =>
        decideContacts(ring, request.userId, current, list),
      )
      events.written('contacts', isChanged)
      return { contacts: list }
    },

    async getEmergencyContacts({ userId }, { caller }) {
      checkMayReadContacts(caller, userId)
      const document = await contacts.find(userId)
      if (document === undefined) return { contacts: [], version: 0 }
      return { contacts: openContacts(ring, document), version: document.version }
    },

    async putTrip(request, { caller }) {
      checkIsBackend(caller)
      const { tripId, driverId, passengerIds, bookingId } = request
      const state = STATES[request.status]
      const { document, isChanged } = await trips.change(tripId, (current) =>
        decideTripDocument(current, { driverId, passengerIds, bookingId, state }),
      )
      events.written('trip', isChanged)
      const event = document.pending?.event
      if (isChanged && event !== undefined) events.tripChanged(tripId, document.version, event.type)
      return encodeTrip(document)
    },

    async getTrip({ tripId }, { caller }) {
      checkMayReadTrip(caller)
      const document = await trips.find(tripId)
      if (document === undefined) {
        throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'There is no such trip.')
      }
      return { ...encodeTrip(document), version: document.version }
    },
  }
}

function readContact({ name, phone, email, relation, voiceCall }: EmergencyContact, index: number): Contact {
  return {
    name: name.trim(),
    phone: readPhone(phone, `contacts[${index}].phone`),
    email: email.trim(),
    relation: relation.trim(),
    voiceCall,
  }
}

function encodeTrip({ _id, driverId, passengerIds, bookingId, status, updatedAt }: TripDocument) {
  return {
    tripId: _id,
    driverId,
    passengerIds: [...passengerIds],
    bookingId,
    status: TripStatus[status],
    updatedAt: updatedAt.getTime(),
  }
}
