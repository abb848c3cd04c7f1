/**
 * The link that emergency contacts get: it opens the live map of the trip.
 *
 * Its token is 256 bits that follow from the alert under a key of ours, so that
 * any process can put its hash into Redis again, also after Redis has lost it.
 */
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import { SHARE_LINK_MS, shareLinkKey, shareLinkUrl, writeShareLink } from '@hushryd/kernel/share-link.ts'
import type { RedisLink } from '@hushryd/kernel/stores/redis.ts'
import type { Alert } from './alert.ts'
import { chunk } from './chunk.ts'
import { TokenKey } from './token-key.ts'

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
  readonly #key: TokenKey
  /** Redis may lack links: it was away, or has just come back without them. */
  #isLacking = true

  constructor(options: ShareLinksOptions) {
    this.#options = options
    this.#key = new TokenKey(options.ring.current.secret.export())
  }

  /** Answers how to stop. */
  listen(): () => void {
    return this.#options.redis.onReady(() => {
      this.#isLacking = true
    })
  }

  /**
   * The links of these alerts, undefined for one without a trip. They work as
   * soon as Redis has them, or has them again: nobody waits for that.
   */
  share(alerts: readonly Alert[]): (string | undefined)[] {
    const { publicUrl } = this.#options
    const tokens = alerts.map((alert) => (alert.tripId === '' ? undefined : this.#tokenOf(alert)))
    void this.#put(alerts, tokens)
    return alerts.map(({ tripId }, index) => {
      const token = tokens[index]
      return token === undefined ? undefined : shareLinkUrl(publicUrl, tripId, token)
    })
  }

  /** All links of open alerts, where Redis may lack some. */
  async restore(listOpen: () => Promise<readonly Alert[]>): Promise<void> {
    if (!this.#isLacking || !this.#options.redis.isReady) return
    const open = await listOpen()
    this.#isLacking = false
    const shared = open.filter(({ tripId }) => tripId !== '')
    for (const part of chunk(shared, PIPELINE_MAX)) {
      await this.#put(
        part,
        part.map((alert) => this.#tokenOf(alert)),
      )
    }
  }

  async #put(alerts: readonly Alert[], tokens: readonly (string | undefined)[]): Promise<void> {
    const { redis, nowMs, onPut } = this.#options
    const count = tokens.filter((token) => token !== undefined).length
    if (count === 0) return
    const now = nowMs()
    try {
      await redis.run(async (raw) => {
        const pipeline = raw.pipeline()
        for (const [index, { tripId, userId, receivedMs }] of alerts.entries()) {
          const token = tokens[index]
          const expiresAt = receivedMs + SHARE_LINK_MS
          if (token === undefined || expiresAt <= now) continue
          const link = { tripId, expiresAt, sharedBy: userId }
          pipeline.set(shareLinkKey(token), writeShareLink(link), 'PX', expiresAt - now)
        }
        const results = (await pipeline.exec()) ?? []
        for (const [error] of results) if (error !== null) throw error
      })
      onPut('stored', count)
    } catch (error) {
      this.#isLacking = true
      onPut('failed', count, error)
    }
  }

  #tokenOf({ alertId, userId }: Alert): string {
    return this.#key.tokenOf(`share\n${alertId}\n${userId}`)
  }
}
