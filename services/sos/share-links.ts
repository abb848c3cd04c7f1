/**
 * The link that emergency contacts get: it opens the live map of the trip.
 *
 * Its token is 256 bits that follow from the alert under a key of ours, so that
 * any process can put its hash into Redis again, also after Redis has lost it.
 */

import { GroupCommit } from '@hushryd/kernel/group-commit.ts'
import type { KeyRing } from '@hushryd/kernel/sealed-field.ts'
import { SHARE_LINK_MS, shareLinkKey, shareLinkUrl, writeShareLink } from '@hushryd/kernel/share-link.ts'
import { command, REPLY_TEXT, type RedisPipe } from '@hushryd/kernel/stores/redis-pipe.ts'
import type { Alert } from './alert.ts'
import { TokenKey } from './token-key.ts'

export interface ShareLinksOptions {
  readonly redis: RedisPipe
  readonly timeoutMs: number
  readonly ring: KeyRing
  readonly publicUrl: string
  readonly nowMs: () => number
  readonly onPut: (outcome: 'stored' | 'failed', count: number) => void
}

interface Link {
  readonly token: string
  readonly alert: Alert
}

const BATCH_MAX = 2_000

export class ShareLinks {
  readonly #options: ShareLinksOptions
  readonly #key: TokenKey
  /** Of links that were sent before the key was changed. */
  readonly #olderKeys: readonly TokenKey[]
  readonly #puts: GroupCommit<Link>
  /** Redis may lack links: it was away, or has just come back without them. */
  #isLacking = true

  constructor(options: ShareLinksOptions) {
    this.#options = options
    const { current, keys } = options.ring
    this.#key = new TokenKey(current.secret.export())
    this.#olderKeys = [...keys.values()]
      .filter((key) => key !== current)
      .map(({ secret }) => new TokenKey(secret.export()))
    this.#puts = new GroupCommit({ batchMax: BATCH_MAX, commit: (links) => this.#put(links) })
  }

  /** Redis is there, perhaps without what was in it. */
  onReady(): void {
    this.#isLacking = true
  }

  /**
   * The links of these alerts, undefined for one without a trip. They work as
   * soon as Redis has them, or has them again: nobody waits for that.
   */
  share(alerts: readonly Alert[]): (string | undefined)[] {
    const { publicUrl } = this.#options
    return alerts.map((alert) => {
      if (alert.tripId === '') return undefined
      return shareLinkUrl(publicUrl, alert.tripId, this.#putSoon(alert, this.#key))
    })
  }

  /** All links of open alerts, where Redis may lack some. */
  async restore(listOpen: () => Promise<readonly Alert[]>): Promise<void> {
    if (!this.#isLacking || !this.#options.redis.isReady) return
    const open = await listOpen()
    this.#isLacking = false
    for (const alert of open)
      if (alert.tripId !== '') for (const key of [this.#key, ...this.#olderKeys]) this.#putSoon(alert, key)
    await this.#puts.idle()
  }

  /** Answers the token. */
  #putSoon(alert: Alert, key: TokenKey): string {
    const token = key.tokenOf(`share\n${alert.alertId}\n${alert.userId}`)
    this.#puts.add({ token, alert })
    return token
  }

  async #put(links: readonly Link[]): Promise<void> {
    const { redis, nowMs, timeoutMs, onPut } = this.#options
    const now = nowMs()
    const commands = links.flatMap(({ token, alert: { tripId, userId, receivedMs } }) => {
      const expiresAt = receivedMs + SHARE_LINK_MS
      if (expiresAt <= now) return []
      const link = writeShareLink({ tripId, expiresAt, sharedBy: userId })
      return [command('SET', shareLinkKey(token), link, 'PX', expiresAt - now)]
    })
    const replies = await redis.send(Buffer.concat(commands), commands.length, timeoutMs)
    const stored = replies?.filter((reply) => reply === REPLY_TEXT).length ?? 0
    const failed = commands.length - stored
    if (stored > 0) onPut('stored', stored)
    if (failed === 0) return
    this.#isLacking = true
    onPut('failed', failed)
  }
}
