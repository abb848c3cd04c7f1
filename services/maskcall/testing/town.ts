/** Trips and people with phones, served by gRPC as the directory does. */
import { type EmergencyContact, TripStatus } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { startTestRpc, type TestRpc } from '@hushryd/kernel/testing/rpc-services.ts'

export interface TownTrip {
  readonly tripId: string
  readonly driverId: string
  readonly passengerId: string
  readonly driverPhone: string
  readonly passengerPhone: string
}

interface StoredTrip {
  readonly driverId: string
  readonly passengerIds: string[]
  readonly status: TripStatus
  readonly version: number
}

export class Town implements AsyncDisposable {
  readonly rpc: TestRpc
  readonly phones: Map<string, string>
  readonly trips: Map<string, StoredTrip>
  readonly contacts: Map<string, readonly EmergencyContact[]>
  #serial = 0

  constructor({ rpc, phones, trips, contacts }: Pick<Town, 'rpc' | 'phones' | 'trips' | 'contacts'>) {
    this.rpc = rpc
    this.phones = phones
    this.trips = trips
    this.contacts = contacts
  }

  /** A trip of two people with numbers of their own. */
  addTrip(prefix: string): TownTrip {
    this.#serial += 1
    const serial = String(this.#serial).padStart(6, '0')
    const trip: TownTrip = {
      tripId: `${prefix}-trip-${serial}`,
      driverId: `${prefix}-driver-${serial}`,
      passengerId: `${prefix}-rider-${serial}`,
      driverPhone: `+919812${serial}`,
      passengerPhone: `+917023${serial}`,
    }
    this.phones.set(trip.driverId, trip.driverPhone)
    this.phones.set(trip.passengerId, trip.passengerPhone)
    this.setTrip(trip.tripId, { driverId: trip.driverId, passengerIds: [trip.passengerId] })
    return trip
  }

  setTrip(tripId: string, change: Partial<Pick<StoredTrip, 'driverId' | 'passengerIds' | 'status'>>): void {
    const { version = 0, ...current } = this.trips.get(tripId) ?? {
      driverId: '',
      passengerIds: [],
      status: TripStatus.ACTIVE,
    }
    this.trips.set(tripId, { ...current, ...change, version: version + 1 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rpc[Symbol.asyncDispose]()
  }
}

export async function startTown(): Promise<Town> {
  const phones = new Map<string, string>()
  const trips = new Map<string, StoredTrip>()
  const contacts: Town['contacts'] = new Map()
  const rpc = await startTestRpc({
    async getUser({ userId }) {
      const phone = phones.get(userId)
      if (phone === undefined)
        throw new DomainError(ErrorReason.ERROR_REASON_USER_NOT_FOUND, 'There is no such user.')
      return {
        userId,
        name: 'Somebody',
        phone,
        email: '',
        whatsapp: phone,
        locale: userId.includes('telugu') ? 'te-IN' : 'en',
        pushTokens: [],
        version: 1,
      }
    },
    async getEmergencyContacts({ userId }) {
      return { contacts: [...(contacts.get(userId) ?? [])], version: 1 }
    },
    async getTrip({ tripId }) {
      const trip = trips.get(tripId)
      if (trip === undefined)
        throw new DomainError(ErrorReason.ERROR_REASON_TRIP_NOT_FOUND, 'There is no such trip.')
      return { tripId, ...trip, bookingId: 'b-1', updatedAt: 1 }
    },
  })
  return new Town({ rpc, phones, trips, contacts })
}
