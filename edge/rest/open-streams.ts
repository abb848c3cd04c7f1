/**
 * The event streams that are open here, so that a session's end, a drain and
 * a bound on how many one caller holds reach them.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import type { Metrics } from '@hushryd/kernel/metrics.ts'
import type { SessionIdentity } from '../identity.ts'
import type { RestIdentity } from './authenticate.ts'
import { REST_STREAMS } from './events.ts'

/** Enough for a few pages open at once. HushRyd's backend, which speaks for everybody, has no such bound. */
const STREAMS_PER_CALLER_MAX = 20
const STREAMS_MAX = 5_000
/** Node's timers hold no more; sessions and links end before. */
const TIMER_MS_MAX = 2 ** 31 - 1

export interface OpenStream {
  readonly signal: AbortSignal
  /** Why it was ended here; undefined where it was not. */
  readonly endedBy: DomainError | undefined
  close(): void
}

export interface OpenStreams {
  /** Throws LIMIT_REACHED or UNAVAILABLE. */
  open(identity: RestIdentity, gone: AbortSignal): OpenStream
  /** Ends the streams of a person's sessions that were signed out. */
  revoke(userId: string, isRevoked: (identity: SessionIdentity) => boolean): void
  /** The node stops: no stream stays, and none is opened. */
  endAll(): void
}

/** A stream that is being opened while its session is signed out is caught by this memory. */
const REMEMBERED_MS = 10_000

interface Revoked {
  readonly userId: string
  readonly untilMs: number
  isRevoked(identity: SessionIdentity): boolean
}

interface Entry {
  readonly identity: RestIdentity
  end(error: DomainError): void
}

function isSessionIn(identity: RestIdentity): identity is SessionIdentity {
  return 'sessionHash' in identity
}

function isHit({ userId, isRevoked }: Revoked, identity: SessionIdentity): boolean {
  return userId === identity.caller.userId && isRevoked(identity)
}

function ownerOf(identity: RestIdentity): string {
  if (isSessionIn(identity)) return `user:${identity.caller.userId}`
  return 'name' in identity ? identity.name : identity.caller.kind
}

function ended(message: string): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_SESSION_ENDED, message)
}

function signedOut(): DomainError {
  return ended('The session was signed out.')
}

function goingAway(): DomainError {
  return new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'This node goes away; connect again.', {
    retryAfterMs: 1000,
  })
}

export function createOpenStreams(metrics: Metrics): OpenStreams {
  const entries = new Map<string, Set<Entry>>()
  let recent: readonly Revoked[] = []
  let size = 0
  let isEnding = false
  metrics.gauge(REST_STREAMS, () => size)

  function check(identity: RestIdentity, held: number): void {
    if (isEnding) throw goingAway()
    if (isSessionIn(identity) && recent.some((revoked) => isHit(revoked, identity))) throw signedOut()
    if (size >= STREAMS_MAX) {
      throw new DomainError(ErrorReason.ERROR_REASON_UNAVAILABLE, 'This node holds no more streams.', {
        retryAfterMs: 1000,
      })
    }
    if (held >= STREAMS_PER_CALLER_MAX && identity.caller.kind !== 'backend') {
      throw new DomainError(
        ErrorReason.ERROR_REASON_LIMIT_REACHED,
        `At most ${STREAMS_PER_CALLER_MAX} streams are open for one caller.`,
      )
    }
  }

  return {
    open(identity, gone) {
      const owner = ownerOf(identity)
      const own = entries.get(owner) ?? new Set()
      check(identity, own.size)
      const controller = new AbortController()
      const abort = (): void => controller.abort()
      let endedBy: DomainError | undefined
      const entry: Entry = {
        identity,
        end(error) {
          endedBy ??= error
          abort()
        },
      }
      const timer =
        'expiresAtMs' in identity
          ? setTimeout(
              () => entry.end(ended('The session is over its time.')),
              Math.min(Math.max(0, identity.expiresAtMs - Date.now()), TIMER_MS_MAX),
            )
          : undefined
      if (gone.aborted) abort()
      else gone.addEventListener('abort', abort, { once: true })
      own.add(entry)
      entries.set(owner, own)
      size += 1
      return {
        signal: controller.signal,
        get endedBy() {
          return endedBy
        },
        close() {
          clearTimeout(timer)
          gone.removeEventListener('abort', abort)
          if (!own.delete(entry)) return
          size -= 1
          if (own.size === 0) entries.delete(owner)
        },
      }
    },
    revoke(userId, isRevoked) {
      const nowMs = performance.now()
      recent = [
        ...recent.filter(({ untilMs }) => untilMs > nowMs),
        { userId, isRevoked, untilMs: nowMs + REMEMBERED_MS },
      ]
      for (const entry of entries.get(`user:${userId}`) ?? []) {
        if (isSessionIn(entry.identity) && isRevoked(entry.identity)) entry.end(signedOut())
      }
    },
    endAll() {
      isEnding = true
      for (const own of entries.values()) for (const entry of own) entry.end(goingAway())
    },
  }
}
