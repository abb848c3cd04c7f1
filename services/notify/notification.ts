/** A notification, its attempts, and what others are told of it. Pure; transitions.ts says what may happen to it. */
import type { Channel, ProviderName } from './provider.ts'

export const CHANNELS = ['sms', 'whatsapp', 'push', 'email'] as const satisfies readonly Channel[]
export const PRIORITIES = ['high', 'normal', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

/** `direct`: the caller gave number and text, which are stored nowhere. */
export type Recipients = 'user' | 'emergency_contacts' | 'on_call' | 'direct'

export type NotificationState =
  /** No provider has it. */
  | 'queued'
  /** A provider has it. */
  | 'sent'
  | 'delivered'
  | 'failed'
  /** Split into single messages, one for each contact and channel. */
  | 'expanded'

export type AttemptStatus =
  /** Handed over, and the provider has not answered; after a crash nobody knows whether it has it. */
  'started' | 'accepted' | 'delivered' | 'read' | 'not_sent' | 'no_receipt'

export interface Attempt {
  /** From 1. */
  readonly number: number
  readonly run: number
  readonly round: number
  readonly channel: Channel
  readonly provider: ProviderName
  readonly status: AttemptStatus
  readonly awaitsReceipt: boolean
  readonly startedMs: number
  readonly changedMs: number
  /** By when it has to have arrived. */
  readonly deadlineMs: number
  /** How often it was handed over: more than once only after a crash. */
  readonly tries: number
  readonly maskedRecipient: string
  /** By which a bounce is kept in mind; of a push the first device's. */
  readonly recipientHash: string
  readonly providerId?: string
  readonly code?: string
  readonly isPermanent?: boolean
}

/** What others are told of a change; kept with the notification until they were. */
export type Announcement =
  | {
      readonly kind: 'outcome'
      readonly status: 'sent' | 'delivered' | 'read' | 'failed' | 'no_recipient'
      readonly carriedBy: Channel
      readonly atMs: number
    }
  /** The budget of a high priority is over; it is still being tried. */
  | { readonly kind: 'late'; readonly atMs: number }
  /** Given up: the dead letter and the operations room. */
  | { readonly kind: 'given_up'; readonly atMs: number }

export interface Notification {
  readonly id: string
  /** 0 until MongoDB has it; one more with each change. */
  readonly version: number
  readonly recipients: Recipients
  /** For whom, whose contacts, or about whom; empty where nobody is named. */
  readonly userId: string
  /** The place in the list of contacts; undefined until a list is expanded. */
  readonly contact: number | undefined
  /** A single message has one. */
  readonly channels: readonly [Channel, ...Channel[]]
  /** Channels that may stand in for it at high priority. */
  readonly standIns: readonly Channel[]
  readonly template: string
  readonly templateVersion: number
  readonly sealedData: string
  readonly priority: Priority
  readonly idempotencyKey: string
  readonly reportTo: string
  readonly correlationId: string
  readonly acceptedMs: number
  /** The budget runs from here: a replay begins anew. */
  readonly startMs: number
  readonly state: NotificationState
  /** 0, and one more with each replay; only the attempts of this one count for the plan. */
  readonly run: number
  readonly round: number
  /** The round does not begin before this. */
  readonly roundMs: number
  readonly isLate: boolean
  readonly attempts: readonly Attempt[]
  /** When the timers take it up; undefined where there is nothing left to do. */
  readonly dueMs: number | undefined
  /** Of the worker that has it; another one's means hands off. */
  readonly lease: string
  readonly failure: string
  readonly childIds: readonly string[]
  readonly announcements: readonly Announcement[]
}

export type Accepted = Pick<
  Notification,
  | 'id'
  | 'recipients'
  | 'userId'
  | 'channels'
  | 'template'
  | 'templateVersion'
  | 'sealedData'
  | 'priority'
  | 'idempotencyKey'
  | 'reportTo'
  | 'correlationId'
  | 'acceptedMs'
>

/** A notification that nothing has happened to. */
export function newNotification(accepted: Accepted): Notification {
  const { acceptedMs, channels, priority } = accepted
  return {
    ...accepted,
    version: 0,
    contact: undefined,
    standIns: priority === 'high' ? CHANNELS.filter((channel) => !channels.includes(channel)) : [],
    startMs: acceptedMs,
    state: 'queued',
    run: 0,
    round: 0,
    roundMs: acceptedMs,
    isLate: false,
    attempts: [],
    dueMs: acceptedMs,
    lease: '',
    failure: '',
    childIds: [],
    announcements: [],
  }
}

export function isOpen({ state }: Pick<Notification, 'state'>): boolean {
  return state === 'queued' || state === 'sent'
}

export function isGroup({ recipients, contact, channels }: Notification): boolean {
  return (
    (recipients !== 'direct' && channels.length > 1) ||
    (recipients !== 'user' && recipients !== 'direct' && contact === undefined)
  )
}

/** One message of a group: to one contact over one channel, under an id that follows from the group's. */
export function childOf(
  group: Notification,
  { id, contact, channel }: { readonly id: string; readonly contact: number; readonly channel: Channel },
): Notification {
  return {
    ...group,
    id,
    version: 0,
    contact,
    channels: [channel],
    // One of them takes what stands in, or a contact without SMS and WhatsApp gets the same e-mail twice.
    standIns: channel === group.channels[0] ? group.standIns : [],
    idempotencyKey: group.idempotencyKey === '' ? '' : `${group.idempotencyKey}:${contact}:${channel}`,
  }
}

export function attemptId(notification: Notification, number: number): string {
  return `${notification.id}-${number}`
}

export function getAttempt({ attempts, id }: Notification, number: number): Attempt {
  const attempt = attempts.find((candidate) => candidate.number === number)
  if (attempt === undefined) throw new Error(`notification ${id} has no attempt ${number}`)
  return attempt
}
