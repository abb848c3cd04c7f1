/** Where the person went: the trip's track since shortly before the alert. */
import type { LocationServiceDefinition } from '@hushryd/gen/hushryd/location/v1/location.ts'
import type { Position } from '@hushryd/gen/hushryd/location/v1/position.ts'
import type { Log } from '@hushryd/kernel/log.ts'
import type { RpcClient } from '@hushryd/kernel/rpc/client.ts'
import type { Alert } from './alert.ts'

export interface TrailFinderOptions {
  readonly location: Pick<RpcClient<typeof LocationServiceDefinition>, 'getTrail'>
  readonly log: Log
}

const BEFORE_MS = 5 * 60 * 1_000
/** The newest ones: more than two hours at one a second fit the answer's 4 MiB many times. */
const POSITIONS_MAX = 10_000

/** Empty where the location service is away: the alert itself is worth more than its track. */
export function createTrailFinder({ location, log }: TrailFinderOptions) {
  return async (alert: Alert): Promise<readonly Position[]> => {
    const { alertId, tripId, receivedMs, closedMs } = alert
    if (tripId === '') return []
    const range = { fromMs: receivedMs - BEFORE_MS, toMs: closedMs, updatesMax: POSITIONS_MAX }
    try {
      const { updates } = await location.getTrail({ tripId, ...range })
      return updates
    } catch (error) {
      log.warn({ err: error, alertId }, 'an alert’s trail could not be read')
      return []
    }
  }
}
