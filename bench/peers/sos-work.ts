/** What both of the plain ways do for an alert, and how they are told where the stores are. */
import type { Db } from 'mongodb'
import { alertsSpec } from '../../services/sos/alert-document.ts'

export interface PlainAlert {
  readonly alertId: string
  readonly userId: string
  readonly tripId: string
  readonly location: { readonly lat: number; readonly lng: number; readonly accuracy: number }
}

export interface PlainDocument extends Omit<PlainAlert, 'alertId'> {
  readonly _id: string
  readonly status: 'ACTIVE'
  readonly triggeredAt: Date
}

export const DATABASE = 'plain'
export const ALERTS = 'alerts'
/** Of BullMQ. */
export const SOS_QUEUE = 'sos'
/** Of gRPC. */
export const TRIGGER_PATH = '/hushryd.sos.v1.SosService/TriggerSos'

/** The same indexes as ours has, so that an insert costs the same. */
export async function prepareAlerts(db: Db): Promise<void> {
  await db.collection(ALERTS).createIndexes([...(alertsSpec.indexes ?? [])])
}

export function documentOf({ alertId, ...rest }: PlainAlert): PlainDocument {
  return { _id: alertId, ...rest, status: 'ACTIVE', triggeredAt: new Date() }
}

export function adminEventOf({ alertId, userId, tripId }: PlainAlert) {
  return { type: 'sos.triggered', alertId, userId, tripId, at: Date.now() }
}

export function contactsMessageOf({ alertId, userId, tripId }: PlainAlert) {
  const link = `http://localhost:8080/live?trip=${tripId}`
  return { userId, recipients: 'emergency_contacts', template: 'sos_alert', link, key: `sos:${alertId}` }
}
