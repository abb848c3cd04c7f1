/** What may be done about a notification that was given up. Pure. */
import type { Notification } from './notification.ts'

/** The text of what was sent directly is stored nowhere. */
export function canReplay({ state, recipients }: Pick<Notification, 'state' | 'recipients'>): boolean {
  return state === 'failed' && recipients !== 'direct'
}
