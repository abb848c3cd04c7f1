/**
 * The hot writes: one pipeline a flush.
 *
 * What Redis accepts becomes the latest; what it calls older is dropped. Where
 * Redis is away or slow the caller is told so and goes on by its own memory.
 */
import type { Clock } from '@hushryd/kernel/clock.ts'
import { command, REPLY_NO_SCRIPT, type RedisPipe } from '@hushryd/kernel/stores/redis-pipe.ts'
import { CommandBuffer } from './command-buffer.ts'
import { AGE_MAX_MS, type Fix } from './fix.ts'
import type { EncodedFix } from './lane-codec.ts'
import { latestKey, STORE_BACKFILL, STORE_LIVE, scriptSha, trailKey } from './redis-scripts.ts'
import type { TripIndex } from './trip-index.ts'
import type { Person } from './trip-state.ts'

export const SCRIPTS = [STORE_LIVE, STORE_BACKFILL]
const LIVE_SHA = scriptSha(STORE_LIVE)
const BACKFILL_SHA = scriptSha(STORE_BACKFILL)

/** Past this a flush goes on without Redis: a position is worth nothing late. */
const WRITE_TIMEOUT_MS = 250
/** Expiry and trimming are renewed this often, not with each fix. */
const EXPIRY_RENEW_MS = 60_000
/** Positions in one backfill command. */
const BACKFILL_MAX = 500

export interface LiveWrite {
  readonly person: Person
  readonly encoded: EncodedFix
}

export interface BackfillWrite {
  readonly person: Person
  /** Oldest first. */
  readonly trail: readonly { readonly fix: Fix; readonly encoded: EncodedFix }[]
  /** The last of them is newer than the latest that this pod knows. */
  readonly isNewest: boolean
}

export interface Written {
  /** For each live write: did it become the latest; undefined where Redis did not say. */
  readonly live: readonly (boolean | undefined)[]
  readonly backfill: readonly (boolean | undefined)[]
}

export interface LiveStore {
  write(live: readonly LiveWrite[], backfill: readonly BackfillWrite[]): Promise<Written>
}

export function createLiveStore(pipe: RedisPipe, index: TripIndex, clock: Clock): LiveStore {
  function liveFront(person: Person): Buffer {
    person.command ??= Buffer.from(
      [
        '*9',
        ...words('EVALSHA', LIVE_SHA, '2', latestKey(person.trip.tripId), trailKey(person.trip.tripId)),
        ...words(person.userId),
        '',
      ].join('\r\n'),
      'latin1',
    )
    return person.command
  }

  function writeLive(out: CommandBuffer, { person, encoded }: LiveWrite, nowMs: number): void {
    out.begin(liveFront(person))
    out.text(String(encoded.timestampMs))
    out.bytesOf(encoded.buffer, encoded.positionStart, encoded.end)
    if (nowMs - person.expirySetMs > EXPIRY_RENEW_MS) {
      person.expirySetMs = nowMs
      out.text(String(nowMs - AGE_MAX_MS))
    } else out.text('')
  }

  function writeBackfill(out: CommandBuffer, write: BackfillWrite, nowMs: number): void {
    const { person, trail, isNewest } = write
    const { tripId } = person.trip
    for (let from = 0; from < trail.length; from += BACKFILL_MAX) {
      const part = trail.slice(from, from + BACKFILL_MAX)
      const isLast = from + BACKFILL_MAX >= trail.length
      const head = ['EVALSHA', BACKFILL_SHA, '2', latestKey(tripId), trailKey(tripId), person.userId]
      const args = [...head, String(nowMs - AGE_MAX_MS), isLast && isNewest ? '1' : '0']
      const front = [`*${args.length + part.length * 2}`, ...words(...args), '']
      out.begin(Buffer.from(front.join('\r\n'), 'latin1'))
      for (const { encoded } of part) {
        out.text(String(encoded.timestampMs))
        out.bytesOf(encoded.buffer, encoded.positionStart, encoded.end)
      }
    }
  }

  async function send(
    live: readonly LiveWrite[],
    backfill: readonly BackfillWrite[],
  ): Promise<Int32Array | undefined> {
    if (!pipe.isReady) return undefined
    const nowMs = clock.nowMs()
    const out = new CommandBuffer(live.length * 512 + backfill.length * 16_384 + 4_096)
    for (const write of live) writeLive(out, write, nowMs)
    for (const write of backfill) writeBackfill(out, write, nowMs)
    const keepForLater = index.write(out)
    const replies = await pipe.send(out.bytes, out.replies, WRITE_TIMEOUT_MS)
    if (replies === undefined) keepForLater()
    return replies
  }

  function readAnswers(
    replies: Int32Array | undefined,
    live: number,
    backfill: readonly BackfillWrite[],
  ): Written {
    const answer = (index: number): boolean | undefined => {
      const reply = replies?.[index]
      return reply === undefined || reply < 0 ? undefined : reply === 1
    }
    const written: { live: (boolean | undefined)[]; backfill: (boolean | undefined)[] } = {
      live: [],
      backfill: [],
    }
    for (let index = 0; index < live; index++) written.live.push(answer(index))
    let at = live
    for (const { trail } of backfill) {
      at += Math.ceil(trail.length / BACKFILL_MAX)
      // The last part carries the newest.
      written.backfill.push(answer(at - 1))
    }
    return written
  }

  return {
    async write(live, backfill) {
      let replies = await send(live, backfill)
      if (replies?.includes(REPLY_NO_SCRIPT) === true) {
        // Redis has restarted or was told to forget its scripts. What it carried out
        // before that it now calls older, so only a failed command is told from this.
        const loads = Buffer.concat(SCRIPTS.map((script) => command('SCRIPT', 'LOAD', script)))
        await pipe.send(loads, SCRIPTS.length, WRITE_TIMEOUT_MS)
        const again = await send(live, backfill)
        replies = again?.map((reply, index) => Math.max(reply, replies?.[index] ?? reply))
      }
      return readAnswers(replies, live.length, backfill)
    },
  }
}

function words(...texts: readonly string[]): string[] {
  return texts.flatMap((text) => [`$${text.length}`, text])
}
