/** What has become of the messages to contacts, from notify's outcomes to the alert and its person. */
import { type NotificationOutcome, OutcomeStatus } from '@hushryd/gen/hushryd/notify/v1/queue.ts'
import { type Alert, type AlertId, type ContactStatus, noteContact, noteNoContacts } from './alert.ts'
import type { AlertStore, Change as StoreChange } from './alert-store.ts'
import type { Change } from './tell.ts'

export interface OutcomesOptions {
  readonly store: Pick<AlertStore, 'findMany' | 'write'>
  readonly onNews: (change: Change) => void
}

const STATUSES: Readonly<Partial<Record<OutcomeStatus, ContactStatus>>> = {
  [OutcomeStatus.OUTCOME_STATUS_SENT]: 'SENT',
  [OutcomeStatus.OUTCOME_STATUS_DELIVERED]: 'DELIVERED',
  [OutcomeStatus.OUTCOME_STATUS_READ]: 'READ',
  [OutcomeStatus.OUTCOME_STATUS_FAILED]: 'FAILED',
}
const TRIES_MAX = 20

interface Applied {
  readonly after: Alert
  readonly news: readonly Change[]
}

export class Outcomes {
  readonly #options: OutcomesOptions

  constructor(options: OutcomesOptions) {
    this.#options = options
  }

  /** Answers the ids of alerts that the database does not have yet: theirs come again. */
  async take(outcomes: readonly NotificationOutcome[]): Promise<ReadonlySet<string>> {
    const { store, onNews } = this.#options
    const byAlert = Map.groupBy(outcomes, ({ correlationId }) => correlationId as AlertId)
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const found = (await store.findMany([...byAlert.keys()])).map(({ alert }) => alert)
      const changes: StoreChange[] = []
      const news: Change[] = []
      for (const before of found) {
        const applied = applyAll(before, byAlert.get(before.alertId) ?? [])
        if (applied.after === before) continue
        changes.push({ before, after: applied.after })
        news.push(...applied.news)
      }
      const matched = await store.write(changes)
      // Where one changed in between, its news is told once more with the next try, rather than any not at all.
      for (const each of news) onNews(each)
      if (matched === changes.length) {
        const stored = new Set<string>(found.map(({ alertId }) => alertId))
        return new Set([...byAlert.keys()].filter((alertId) => !stored.has(alertId)))
      }
    }
    throw new Error(`alerts changed ${TRIES_MAX} times while outcomes were noted`)
  }
}

function applyAll(before: Alert, outcomes: readonly NotificationOutcome[]): Applied {
  let after = before
  const news: Change[] = []
  for (const { status: how, contact, channel, at: atMs } of outcomes) {
    if (how === OutcomeStatus.OUTCOME_STATUS_NO_RECIPIENT) {
      const next = noteNoContacts(after, atMs)
      if (next === undefined) continue
      after = next
      news.push({ news: 'no_contacts', alert: after, atMs })
      continue
    }
    const status = STATUSES[how]
    if (status === undefined) continue
    const step = { contact, channel, status, atMs }
    const next = noteContact(after, step)
    if (next === undefined) continue
    after = next
    news.push({ news: 'contact', alert: after, atMs, step })
  }
  return { after, news }
}
