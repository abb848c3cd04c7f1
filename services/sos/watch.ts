/**
 * Alerts for those who watch: a snapshot of the open ones, then each change.
 *
 * Other processes tell by NATS what has changed, and it is read again here. A
 * hint that is lost is made up for by reading all open alerts: after each
 * reconnect, now and then, and often while NATS is away. A watcher that reads
 * slowly gets the newest state of each alert, so what waits for it is bounded
 * by the alerts that are open.
 */
import { AlertsChanged } from '@hushryd/gen/hushryd/sos/v1/stream.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { GroupCommit } from '@hushryd/kernel/group-commit.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { type AlertId, isClosed } from './alert.ts'
import type { AlertStore } from './alert-store.ts'
import type { StoredAlert } from './entry.ts'
import { changedSubject } from './teller.ts'

export interface WatchOptions {
  readonly nats: NatsLink
  readonly store: Pick<AlertStore, 'findMany' | 'listOpen'>
  readonly namespace: string
  readonly clock: Clock
  readonly onFailed: (error: unknown) => void
}

/** Open alerts that are followed; the least urgent ones beyond it come as they change. */
const OPEN_MAX = 20_000
const WAITING_MAX = 50_000
const READ_MAX = 500
const SYNC_AWAY_MS = 2_000
const SYNC_MS = 30_000

class Watcher {
  readonly waiting = new Map<string, StoredAlert>()
  wake = Promise.withResolvers<void>()
  isTooSlow = false

  push(stored: StoredAlert): void {
    this.waiting.set(stored.alert.alertId, stored)
    if (this.waiting.size > WAITING_MAX) this.isTooSlow = true
    this.wake.resolve()
  }
}

export class Watch {
  readonly #options: WatchOptions
  readonly #watchers = new Set<Watcher>()
  /** The versions of open alerts that watchers have been sent. */
  #known = new Map<AlertId, number>()
  readonly #reads: GroupCommit<AlertId>
  #syncedMs = 0

  constructor(options: WatchOptions) {
    this.#options = options
    this.#reads = new GroupCommit({ batchMax: READ_MAX, commit: (ids) => this.#read(ids) })
  }

  /** Answers how to stop. */
  listen(): () => void {
    const { nats, namespace } = this.#options
    const subscription = nats.subscribe(changedSubject(namespace), ({ data }) => {
      if (this.#watchers.size === 0) return
      for (const alertId of AlertsChanged.decode(data).alertIds) this.#reads.add(alertId as AlertId)
    })
    const stop = nats.onConnected(() => {
      this.#syncedMs = 0
    })
    return () => {
      stop()
      subscription.close()
    }
  }

  /** Once a second. */
  async tick(): Promise<void> {
    if (this.#watchers.size === 0) return
    const { clock, nats } = this.#options
    const everyMs = nats.isConnected ? SYNC_MS : SYNC_AWAY_MS
    if (clock.nowMs() - this.#syncedMs < everyMs) return
    await this.#sync()
  }

  /** Undefined stands for: all that was open when it began has been sent. Throws UNAVAILABLE. */
  async *follow(signal: AbortSignal): AsyncGenerator<StoredAlert | undefined> {
    const watcher = new Watcher()
    // Before the snapshot is read, so that no change falls between the two.
    this.#watchers.add(watcher)
    const stop = (): void => watcher.wake.resolve()
    signal.addEventListener('abort', stop)
    const sent = new Map<string, number>()
    try {
      for (const stored of await this.#options.store.listOpen(OPEN_MAX)) {
        sent.set(stored.alert.alertId, stored.alert.version)
        this.#remember(stored)
        yield stored
      }
      yield undefined
      while (!signal.aborted) {
        if (watcher.isTooSlow) throw tooSlow()
        const [next] = watcher.waiting.values()
        if (next === undefined) {
          watcher.wake = Promise.withResolvers<void>()
          if (watcher.waiting.size === 0 && !signal.aborted) await watcher.wake.promise
          continue
        }
        const { alertId, version } = next.alert
        watcher.waiting.delete(alertId)
        if (version <= (sent.get(alertId) ?? 0)) continue
        if (isClosed(next.alert)) sent.delete(alertId)
        else sent.set(alertId, version)
        yield next
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#known.clear()
    }
  }

  #remember({ alert }: StoredAlert): void {
    if (isClosed(alert)) this.#known.delete(alert.alertId)
    else this.#known.set(alert.alertId, alert.version)
  }

  #send(stored: StoredAlert): void {
    this.#remember(stored)
    for (const watcher of this.#watchers) watcher.push(stored)
  }

  async #read(ids: readonly AlertId[]): Promise<void> {
    try {
      for (const stored of await this.#options.store.findMany([...new Set(ids)])) this.#send(stored)
    } catch (error) {
      // The next sync makes up for it.
      this.#syncedMs = 0
      this.#options.onFailed(error)
    }
  }

  async #sync(): Promise<void> {
    const { store, clock } = this.#options
    const startMs = clock.nowMs()
    const open = await store.listOpen(OPEN_MAX)
    const gone = new Set(this.#known.keys())
    for (const stored of open) {
      const { alertId, version } = stored.alert
      gone.delete(alertId)
      if ((this.#known.get(alertId) ?? 0) < version) this.#send(stored)
    }
    // Closed while nobody told.
    for (const alertId of gone) this.#reads.add(alertId)
    this.#syncedMs = startMs
  }
}

function tooSlow(): DomainError {
  return new DomainError(
    ErrorReason.ERROR_REASON_UNAVAILABLE,
    'The stream is read too slowly; open it again for the newest state.',
  )
}
