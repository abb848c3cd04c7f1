/**
 * Closes sockets of sessions that were signed out, on whichever edge that was.
 *
 * The message over NATS is the fast way. Where it may have been missed, the
 * store's list is read again from a little before the last look.
 */
import { SessionRevoked } from '@hushryd/gen/hushryd/push/v1/push.ts'
import type { Clock } from '@hushryd/kernel/clock.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'
import { CLOSE } from './close-codes.ts'
import type { Connections } from './connections.ts'
import { type Identity, isSession, type SessionIdentity } from './identity.ts'
import type { Revocation } from './session-store.ts'

const SUBJECT = 'session.revoked'
/** Edges' clocks differ, and a write may become visible late. */
const OVERLAP_MS = 10_000
/** A socket that was being opened during the revocation is caught by this memory. */
const REMEMBERED_MS = 60_000
/** While NATS is away the list is read this often; else now and then, for messages lost on a slow connection. */
export const LOOK_EVERY_AWAY_MS = 5_000
const LOOK_EVERY_MS = 60_000

export interface RevocationsOptions {
  readonly connections: Connections
  readonly revokedSince: (sinceMs: number) => Promise<Revocation[]>
  readonly isNatsConnected: () => boolean
  /** What else of a person's has to end; called once a revocation. */
  readonly onRevoked: (userId: string, isRevoked: (identity: SessionIdentity) => boolean) => void
  readonly clock: Clock
}

export class Revocations {
  readonly #options: RevocationsOptions
  /** By user, oldest first. */
  readonly #recent = new Map<string, Revocation[]>()
  #lookedAtMs: number

  constructor(options: RevocationsOptions) {
    this.#options = options
    this.#lookedAtMs = options.clock.nowMs()
  }

  /** Hears of other edges' from now on, and reads what was missed after each reconnect. */
  listen(nats: NatsLink): void {
    nats.subscribe(SUBJECT, ({ data }) => this.receive(data))
    // Where the store is away as well, the loop looks again.
    nats.onConnected(() => void this.look().catch(() => undefined))
  }

  /** Here at once, and to every other edge. No hashes stand for all. */
  announce(nats: NatsLink, userId: string, hashes: readonly string[], atMs: number): void {
    const data = SessionRevoked.encode({ userId, tokenHashes: [...hashes], revokedAt: atMs }).finish()
    nats.publish(SUBJECT, data)
    this.receive(data)
  }

  /** A message on session.revoked. */
  receive(data: Uint8Array): void {
    const { userId, tokenHashes, revokedAt } = SessionRevoked.decode(data)
    const hashes = tokenHashes.length === 0 ? [''] : tokenHashes
    for (const hash of hashes) this.apply({ userId, hash, atMs: revokedAt })
  }

  /** The same one may come over NATS and from the store. */
  apply(revocation: Revocation): void {
    if (!this.#remember(revocation)) return
    const { connections, onRevoked } = this.#options
    for (const connection of connections.ofUser(revocation.userId)) {
      const { identity } = connection
      if (!isSession(identity) || !isHit(revocation, identity)) continue
      connection.goAway('SESSION_REVOKED', 0)
      connection.close(CLOSE.SESSION_REVOKED, 'the session was signed out')
    }
    onRevoked(revocation.userId, (identity) => isHit(revocation, identity))
  }

  /** False where it was known. */
  #remember(revocation: Revocation): boolean {
    const { userId, hash, atMs } = revocation
    const recent = this.#recent.get(userId) ?? []
    if (recent.some((known) => known.hash === hash && known.atMs === atMs)) return false
    recent.push(revocation)
    this.#recent.set(userId, recent)
    return true
  }

  #forgetOld(): void {
    const beforeMs = this.#options.clock.nowMs() - REMEMBERED_MS
    for (const [userId, recent] of this.#recent) {
      const young = recent.filter(({ atMs }) => atMs >= beforeMs)
      if (young.length === 0) this.#recent.delete(userId)
      else if (young.length < recent.length) this.#recent.set(userId, young)
    }
  }

  /** True where the session was revoked while its socket was being opened. */
  isRevoked(identity: Identity): boolean {
    if (!isSession(identity)) return false
    const recent = this.#recent.get(identity.caller.userId) ?? []
    return recent.some((revocation) => isHit(revocation, identity))
  }

  /** To be called each second or so: looks where it is time to. */
  async lookIfDue(): Promise<void> {
    this.#forgetOld()
    const everyMs = this.#options.isNatsConnected() ? LOOK_EVERY_MS : LOOK_EVERY_AWAY_MS
    if (this.#options.clock.nowMs() - this.#lookedAtMs >= everyMs) await this.look()
  }

  /** Throws where the store is away; the next look then reaches back as far. */
  async look(): Promise<void> {
    const nowMs = this.#options.clock.nowMs()
    for (const revocation of await this.#options.revokedSince(this.#lookedAtMs - OVERLAP_MS))
      this.apply(revocation)
    this.#lookedAtMs = nowMs
  }
}

function isHit({ hash, atMs }: Revocation, { sessionHash, createdAtMs }: SessionIdentity): boolean {
  return hash === '' ? createdAtMs <= atMs : hash === sessionHash
}
