/**
 * The link that emergency contacts get: it opens the live map of the trip.
 *
 * Its token is 256 bits that follow from the alert under a key of ours, so that
 * any process can put its hash into Redis again, also after Redis has lost it.
 */
import { createHmac } from 'node:crypto'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import { SHARE_LINK_MS, shareLinkKey, shareLinkUrl, writeShareLink } from '@hushryd/kernel/share-link.ts'
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'
import type { Alert } from './alert.ts'

const PIPELINE_MAX = 1_000

export interface ShareLinksOptions {
  readonly redis: RedisLink
  readonly ring: KeyRing
  readonly publicUrl: string
  readonly nowMs: () => number
  readonly onPut: (outcome: 'stored' | 'failed', count: number, error?: unknown) => void
}

export class ShareLinks {
  readonly #options: ShareLinksOptions
  /** Redis may lack links: it was away, or has just come back without them. */
  #isLacking = true

  constructor(options: ShareLinksOptions) {
    this.#options = options
  }

  /** Answers how to stop. */
  listen(): () => void {
    return this.#options.redis.onReady(() => {
      this.#isLacking = true
    })
  }

  /** Undefined for an alert without a trip. */
  urlOf(alert: Alert): string | undefined {
    const { publicUrl } = this.#options
    return alert.tripId === '' ? undefined : shareLinkUrl(publicUrl, alert.tripId, this.#tokenOf(alert))
  }

  /** Makes the links of these alerts work, all by one pipeline; where Redis is away, `restore` does it later. */
  putSoon(alerts: readonly Alert[]): void {
    void this.#put(alerts)
  }

  /** All links of open alerts, where Redis may lack some. */
  async restore(listOpen: () => Promise<readonly Alert[]>): Promise<void> {
    if (!this.#isLacking || !this.#options.redis.isReady) return
    const open = await listOpen()
    this.#isLacking = false
    for (let start = 0; start < open.length; start += PIPELINE_MAX)
      await this.#put(open.slice(start, start + PIPELINE_MAX))
  }

  async #put(alerts: readonly Alert[]): Promise<void> {
    const { nowMs, onPut } = this.#options
    const now = nowMs()
    const live = alerts.filter(({ tripId, receivedMs }) => tripId !== '' && now < receivedMs + SHARE_LINK_MS)
    if (live.length === 0) return
    try {
      await this.#write(live, now)
      onPut('stored', live.length)
    } catch (error) {
      this.#isLacking = true
      onPut('failed', live.length, error)
    }
  }

  async #write(live: readonly Alert[], now: number): Promise<void> {
    await this.#options.redis.run(async (raw) => {
      const pipeline = raw.pipeline()
      for (const alert of live) {
        const expiresAt = alert.receivedMs + SHARE_LINK_MS
        const link = { tripId: alert.tripId, expiresAt, sharedBy: alert.userId }
        pipeline.set(shareLinkKey(this.#tokenOf(alert)), writeShareLink(link), 'PX', expiresAt - now)
      }
      const results = (await pipeline.exec()) ?? []
      for (const [error] of results) if (error !== null) throw error
    })
  }

  #tokenOf({ alertId, userId }: Alert): string {
    const { ring } = this.#options
    return createHmac('sha256', ring.current.secret)
      .update(`share\n${alertId}\n${userId}`)
      .digest('base64url')
  }
}
