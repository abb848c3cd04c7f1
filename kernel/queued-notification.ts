/**
 * A notification in notify's queue, as far as others than notify write it:
 * alerts go there directly, so that they need no process of notify to be up.
 */
import { hash, randomBytes } from 'node:crypto'
import { type KeyRing, type SealedPlace, seal } from './sealed-field.ts'

const ID_CHARS = 27

/** The same for the same key of the same caller, so that a repeat needs no look-up; random without a key. */
export function notificationId(caller: string, idempotencyKey: string): string {
  const digest =
    idempotencyKey === ''
      ? randomBytes(ID_CHARS).toString('base64url')
      : hash('sha256', `${caller}\n${idempotencyKey}`, 'base64url')
  return `n_${digest.slice(0, ID_CHARS)}`
}

/** `namespace` is empty but in tests that share a server. */
export function queueSubject(namespace: string, priority: string, channel: string): string {
  return `${namespace}notify.q.${priority}.${channel}`
}

/** Of QueuedBatch: many at once, which notify takes apart. */
export function batchSubject(namespace: string): string {
  return `${namespace}notify.q.batch`
}

export function outcomeSubject(namespace: string, reportTo: string): string {
  return `${namespace}notify.outcome.${reportTo}`
}

export function outcomeStream(namespace: string): string {
  return `${namespace}NOTIFY_OUTCOME`
}

/** Children have other ids than the group whose data they share, so the template names the place. */
export function variablesPlace(template: string): SealedPlace {
  return { collection: 'notifications', id: template, field: 'data' }
}

/** Of a batch, whose notifications may have different templates. */
export const BATCH_PLACE: SealedPlace = { collection: 'notifications', id: 'batch', field: 'data' }

export type Variables = Readonly<Record<string, string | number | boolean>>

/** The template's variables, sealed under notify's keys: a link or a name is nobody else's business. */
export function sealVariables(ring: KeyRing, template: string, variables: Variables): string {
  return seal(ring, variablesPlace(template), JSON.stringify(variables))
}

/** The variables of a batch's notifications in their order, sealed as one. */
export function sealAllVariables(ring: KeyRing, all: readonly Variables[]): string {
  return seal(ring, BATCH_PLACE, JSON.stringify(all))
}
