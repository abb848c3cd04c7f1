/** Where the overview's figures come from: each from the service that owns them. */
import type {
  AlertsPart,
  DocumentsPart,
  EdgeFigures,
  EdgesPart,
  NotificationsPart,
  NumbersPart,
} from '@hushryd/gen/hushryd/admin/v1/overview.ts'
import { DocumentServiceDefinition, DocumentState } from '@hushryd/gen/hushryd/docs/v1/docs.ts'
import { type EdgeNode, EdgeServiceDefinition } from '@hushryd/gen/hushryd/edge/v1/edge.ts'
import { MaskCallServiceDefinition } from '@hushryd/gen/hushryd/maskcall/v1/maskcall.ts'
import { BreakerState, NotifyServiceDefinition } from '@hushryd/gen/hushryd/notify/v1/notify.ts'
import { type Alert, AlertStatus } from '@hushryd/gen/hushryd/sos/v1/alert.ts'
import { SosServiceDefinition } from '@hushryd/gen/hushryd/sos/v1/sos.ts'
import type { RpcClient } from '@hushryd/kernel/rpc/client.ts'

export interface ServiceClients {
  readonly sos: RpcClient<typeof SosServiceDefinition>
  readonly notify: RpcClient<typeof NotifyServiceDefinition>
  readonly maskcall: RpcClient<typeof MaskCallServiceDefinition>
  readonly docs: RpcClient<typeof DocumentServiceDefinition>
  readonly edge: RpcClient<typeof EdgeServiceDefinition>
}

export const clientDefinitions = {
  sos: SosServiceDefinition,
  notify: NotifyServiceDefinition,
  maskcall: MaskCallServiceDefinition,
  docs: DocumentServiceDefinition,
  edge: EdgeServiceDefinition,
} as const

export type Figures<P> = Omit<P, 'reading'>

const ALERTS_PAGE = 500
const DOCUMENTS_PAGE = 200
const DELIVERY_MINUTES = 15

/** Pure. */
export function alertFigures(alerts: readonly Alert[], isTruncated: boolean): Figures<AlertsPart> {
  const waiting = alerts.filter(({ status }) => status === AlertStatus.ACTIVE)
  return {
    active: waiting.length,
    responding: alerts.length - waiting.length,
    oldestActiveAt: waiting.reduce(
      (oldest, { triggeredAt }) => (oldest === 0 ? triggeredAt : Math.min(oldest, triggeredAt)),
      0,
    ),
    truncated: isTruncated,
  }
}

export async function readAlerts({ sos }: ServiceClients): Promise<Figures<AlertsPart>> {
  const statuses = [AlertStatus.ACTIVE, AlertStatus.RESPONDING]
  const { alerts, nextPageToken } = await sos.listAlerts({ statuses, pageSize: ALERTS_PAGE })
  return alertFigures(alerts, nextPageToken !== '')
}

/** Pure. */
export function edgeFigures(nodes: readonly EdgeNode[]): Figures<EdgesPart> {
  const connections = nodes.reduce((sum, node) => sum + node.connections, 0)
  const serving = nodes.filter(({ draining }) => !draining)
  const mean =
    serving.length === 0 ? 0 : serving.reduce((sum, node) => sum + node.connections, 0) / serving.length
  const edges = nodes.map(
    (node): EdgeFigures => ({
      edgeId: node.edgeId,
      connections: node.connections,
      deviation: node.draining || mean === 0 ? 0 : node.connections / mean - 1,
      draining: node.draining,
    }),
  )
  return { connections, mean, edges }
}

export async function readEdges({ edge }: ServiceClients): Promise<Figures<EdgesPart>> {
  return edgeFigures((await edge.listEdges({})).edges)
}

export async function readDocuments({ docs }: ServiceClients): Promise<Figures<DocumentsPart>> {
  const request = { state: DocumentState.AVAILABLE, pageSize: DOCUMENTS_PAGE }
  const { documents, nextPageToken } = await docs.listDocuments(request)
  return { waiting: documents.length, truncated: nextPageToken !== '' }
}

export async function readNotifications({ notify }: ServiceClients): Promise<Figures<NotificationsPart>> {
  const { providers, deadLetters } = await notify.getDelivery({ minutes: DELIVERY_MINUTES })
  const sum = (count: (provider: (typeof providers)[number]) => number): number =>
    providers.reduce((total, provider) => total + count(provider), 0)
  return {
    delivered: sum(({ delivered }) => delivered),
    failed: sum(({ undelivered, refused, unavailable }) => undelivered + refused + unavailable),
    dead: deadLetters,
    openBreakers: providers
      .filter(({ breaker }) => breaker === BreakerState.OPEN || breaker === BreakerState.TRYING)
      .map(({ provider }) => provider),
  }
}

export async function readNumbers({ maskcall }: ServiceClients): Promise<Figures<NumbersPart>> {
  const pools = new Map<string, { held: number; capacity: number }>()
  for (const { provider, used, resting, places } of (await maskcall.getPool({})).parts) {
    const pool = pools.getOrInsertComputed(provider, () => ({ held: 0, capacity: 0 }))
    pool.held += used + resting
    pool.capacity += places
  }
  return { pools: [...pools].map(([provider, pool]) => ({ provider, ...pool })) }
}
