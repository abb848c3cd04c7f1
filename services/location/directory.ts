/** The directory's record of a trip, over gRPC. */
import { DirectoryServiceDefinition } from '@hushryd/gen/hushryd/directory/v1/directory.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import { createRpcClient, type RpcChannel } from '@hushryd/kernel/rpc/client.ts'
import type { FindTrip } from './trips.ts'

export function createTripFinder(channel: RpcChannel, metrics: Metrics, timeoutMs: number): FindTrip {
  const client = createRpcClient(DirectoryServiceDefinition, channel, { timeoutMs, metrics })
  return async (tripId, options) => {
    try {
      const { driverId, passengerIds, status, version } = await client.getTrip({ tripId }, options)
      return { tripId, driverId, passengerIds, status, version }
    } catch (error) {
      if (error instanceof DomainError && error.reason === ErrorReason.ERROR_REASON_TRIP_NOT_FOUND)
        return undefined
      throw error
    }
  }
}
