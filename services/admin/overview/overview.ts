/** GetOverview: every part by itself, none of which takes the others with it. */
import type { GetOverviewResponse } from '@hushryd/gen/hushryd/admin/v1/overview.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { readConsumerLag } from './consumer-lag.ts'
import { Part } from './part.ts'
import {
  readAlerts,
  readDocuments,
  readEdges,
  readNotifications,
  readNumbers,
  type ServiceClients,
} from './sources.ts'

export interface LogFigures {
  readonly lastSequence: number
  readonly firstSequence: number
  readonly unarchived: number
}

export interface OverviewOptions {
  readonly clients: ServiceClients
  readonly nats: NatsLink
  readonly countTrips: () => Promise<number>
  readonly readLog: () => Promise<LogFigures>
  readonly watchers: () => number
  readonly nowMs: () => number
  readonly onFailed: (part: string, error: unknown) => void
}

export function createOverview(options: OverviewOptions): () => Promise<GetOverviewResponse> {
  const { clients, nats, countTrips, readLog, watchers, nowMs, onFailed } = options
  function part<F extends object>(name: string, nothing: F, read: () => Promise<F>): Part<F> {
    return new Part({ read, nothing, nowMs, onFailed: (error) => onFailed(name, error) })
  }
  const trips = part('trips', { active: 0 }, async () => ({ active: await countTrips() }))
  const noAlerts = { active: 0, responding: 0, oldestActiveAt: 0, truncated: false }
  const alerts = part('alerts', noAlerts, () => readAlerts(clients))
  const edges = part('edges', { connections: 0, mean: 0, edges: [] }, () => readEdges(clients))
  const consumers = part('consumers', { consumers: [] }, async () => ({
    consumers: await readConsumerLag(nats),
  }))
  const noDocuments = { waiting: 0, truncated: false }
  const documents = part('documents', noDocuments, () => readDocuments(clients))
  const noNotifications = { delivered: 0, failed: 0, dead: 0, openBreakers: [] }
  const notifications = part('notifications', noNotifications, () => readNotifications(clients))
  const numbers = part('numbers', { pools: [] }, () => readNumbers(clients))
  const noLog = { lastSequence: 0, firstSequence: 0, unarchived: 0 }
  const log = part('log', noLog, readLog)

  return async () => {
    // All begin before the first is awaited; none of them rejects.
    const asked = {
      trips: trips.get(),
      alerts: alerts.get(),
      edges: edges.get(),
      consumers: consumers.get(),
      documents: documents.get(),
      notifications: notifications.get(),
      numbers: numbers.get(),
      log: log.get(),
    }
    return {
      trips: await asked.trips,
      alerts: await asked.alerts,
      edges: await asked.edges,
      consumers: await asked.consumers,
      documents: await asked.documents,
      notifications: await asked.notifications,
      numbers: await asked.numbers,
      log: { ...(await asked.log), watchers: watchers() },
      at: nowMs(),
    }
  }
}
