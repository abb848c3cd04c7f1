/** One attempt: put on record that it begins, hand the message over, put on record how it ended. */
import type { NotifyEvents } from './events.ts'
import { maskAddress } from './mask.ts'
import { type Attempt, attemptId, getAttempt, type Notification } from './notification.ts'
import type { Step } from './plan.ts'
import type { Handover, ProviderLink } from './provider-link.ts'
import type { Records } from './records.ts'
import type { Suppressions } from './suppressions.ts'
import type { Content } from './template.ts'
import { endAttempt, isSameAttempt, resumeAttempt, settleAttempts, startAttempt } from './transitions.ts'

export interface HandoverParts {
  readonly records: Records
  readonly suppressions: Suppressions
  readonly events: NotifyEvents
  readonly nowMs: () => number
}

export interface HandoverTask {
  readonly link: ProviderLink
  /** One; several only for push, one a device. */
  readonly addresses: readonly string[]
  /** Or why there is none. */
  readonly content: Content | string
  readonly step: Step
  readonly deadlineMs: number
  /** Of the attempt that a crash has left open; undefined for a new one. */
  readonly resumes: Attempt | undefined
}

/** How long a worker may be silent before its work is taken for lost: longer than a hand-over and a full gate. */
export const LEASE_MS = 15_000

function notSent(code: string): Handover {
  return { kind: 'refused', outcome: 'refused', code, isPermanent: true, detail: '' }
}

/** Another one than at first, where the record was merged with what another process had done meanwhile. */
function numberIn({ attempts }: Notification, attempt: Attempt): number {
  return attempts.find((each) => isSameAttempt(each, attempt))?.number ?? attempt.number
}

export class Handovers {
  readonly #parts: HandoverParts

  constructor(parts: HandoverParts) {
    this.#parts = parts
  }

  /** Answers the record as it is then; unchanged where somebody else has it by now. */
  async run(notification: Notification, task: HandoverTask): Promise<Notification> {
    const { records, nowMs } = this.#parts
    let isOurs = false
    const started = await records.change(notification, (current) => {
      isOurs = current.version === notification.version && current.lease === notification.lease
      return isOurs ? this.#begin(current, task) : undefined
    })
    if (!isOurs) return started
    const attempt = getAttempt(started, task.resumes?.number ?? started.attempts.length)
    if (attempt.status !== 'started') return started
    const startMs = nowMs()
    const result = await this.#send(started, attempt, task)
    const isAsked = typeof task.content !== 'string' && result.outcome !== 'cut_off'
    this.#parts.events.attempted(started, attempt, {
      outcome: result.outcome,
      ...(result.kind === 'refused' ? { code: result.code, detail: result.detail } : {}),
      durationMs: isAsked ? nowMs() - startMs : undefined,
    })
    return await records.change(started, (current) =>
      endAttempt(current, numberIn(current, attempt), result, nowMs()),
    )
  }

  #begin(current: Notification, { addresses, step, deadlineMs, resumes }: HandoverTask): Notification {
    const { suppressions, nowMs } = this.#parts
    const now = nowMs()
    const leased = { ...settleAttempts(current, now), dueMs: now + LEASE_MS }
    if (resumes !== undefined) return resumeAttempt(leased, resumes.number, { nowMs: now, deadlineMs })
    const [first = ''] = addresses
    return startAttempt(leased, {
      channel: step.channel,
      provider: step.provider,
      awaitsReceipt: step.hasReceipts,
      maskedRecipient: maskAddress(step.channel, first),
      recipientHash: suppressions.hash(step.channel, first),
      nowMs: now,
      deadlineMs,
    })
  }

  /** To every address; taken where one of them was. */
  async #send(notification: Notification, attempt: Attempt, task: HandoverTask): Promise<Handover> {
    const { addresses, content, link, deadlineMs } = task
    if (typeof content === 'string') return notSent(content)
    const id = attemptId(notification, attempt.number)
    const results = await Promise.all(
      addresses.map(async (to, index) => {
        const result = await link.send(
          {
            ...content,
            notificationId: notification.id,
            attemptId: index === 0 ? id : `${id}-${index}`,
            to,
            data: { notificationId: notification.id, template: notification.template },
          },
          deadlineMs - this.#parts.nowMs(),
        )
        if (result.kind === 'refused' && result.suppress === true) {
          const hash = this.#parts.suppressions.hash(attempt.channel, to)
          await this.#parts.suppressions.add(attempt.channel, hash, result.code)
        }
        return result
      }),
    )
    const [first] = results
    if (first === undefined) return notSent('NO_ADDRESS')
    return results.find(({ kind }) => kind === 'accepted') ?? first
  }
}
