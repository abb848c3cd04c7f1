/** Mask sessions in MongoDB: each change is one guarded write, so that processes need no other agreement. */
import type { MongoLink } from '@hushryd/kernel/stores/mongo.ts'
import { type Collection, type Filter, MongoServerError } from 'mongodb'
import type { PageEnd } from './page-token.ts'
import type { MaskSession, Role, VirtualNumber } from './session.ts'
import { fromDocument, type SessionDocument, sessionsSpec, toDocument } from './session-document.ts'

const DUPLICATE_KEY = 11_000

export type InsertOutcome = 'opened' | 'claimed_by_others' | 'exists'

export interface NumberUse {
  readonly number: string
  /** Places of live and of resting sessions, */
  readonly held: number
  /** and of the live ones alone. */
  readonly live: number
}

export interface LivePage {
  /** Empty for all trips. */
  readonly tripId: string
  /** The last one of the page before. */
  readonly after: PageEnd | undefined
  readonly limit: number
  readonly nowMs: number
}

/** Which of the unique indexes refused; undefined for any other error. */
function findConflict(error: unknown): 'claims' | 'other' | undefined {
  if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) return undefined
  const pattern: unknown = error.keyPattern
  const isClaims = typeof pattern === 'object' && pattern !== null && 'claims' in pattern
  return isClaims ? 'claims' : 'other'
}

export class SessionStore {
  readonly #link: MongoLink

  constructor(link: MongoLink) {
    this.#link = link
  }

  #run<T>(work: (sessions: Collection<SessionDocument>) => Promise<T>): Promise<T> {
    return this.#link.run((db) => work(db.collection<SessionDocument>(sessionsSpec.name)))
  }

  async insert(session: MaskSession): Promise<InsertOutcome> {
    return await this.#run(async (sessions): Promise<InsertOutcome> => {
      try {
        await sessions.insertOne(toDocument(session))
        return 'opened'
      } catch (error) {
        const conflict = findConflict(error)
        if (conflict === undefined) throw error
        return conflict === 'claims' ? 'claimed_by_others' : 'exists'
      }
    })
  }

  /** A number of another provider, for a session that lives; undefined where others hold a claim or it has ended. */
  async addNumber(
    id: string,
    number: VirtualNumber,
    {
      claims,
      driverClaims,
    }: { readonly claims: readonly string[]; readonly driverClaims: readonly string[] },
  ): Promise<MaskSession | undefined> {
    return await this.#run(async (sessions) => {
      try {
        const document = await sessions.findOneAndUpdate(
          { _id: id, state: 'active', 'numbers.provider': { $ne: number.provider } },
          {
            $push: {
              numbers: number,
              claims: { $each: [...claims] },
              driverClaims: { $each: [...driverClaims] },
            },
          },
          { returnDocument: 'after' },
        )
        return document === null ? undefined : fromDocument(document)
      } catch (error) {
        if (findConflict(error) !== undefined) return undefined
        throw error
      }
    })
  }

  async find(id: string): Promise<MaskSession | undefined> {
    const document = await this.#run((sessions) => sessions.findOne({ _id: id }))
    return document === null ? undefined : fromDocument(document)
  }

  async findActive(tripId: string, passengerId: string): Promise<MaskSession | undefined> {
    const document = await this.#run((sessions) => sessions.findOne({ tripId, passengerId, state: 'active' }))
    return document === null ? undefined : fromDocument(document)
  }

  async listActiveOf(tripId: string): Promise<MaskSession[]> {
    const documents = await this.#run((sessions) => sessions.find({ tripId, state: 'active' }).toArray())
    return documents.map(fromDocument)
  }

  /** Those that connect, newest first. */
  async listLive({ tripId, after, limit, nowMs }: LivePage): Promise<MaskSession[]> {
    const filter: Filter<SessionDocument> = {
      state: 'active',
      expiresMs: { $gt: nowMs },
      ...(tripId === '' ? {} : { tripId }),
      ...(after === undefined
        ? {}
        : {
            $or: [
              { openedAt: { $lt: new Date(after.atMs) } },
              { openedAt: new Date(after.atMs), _id: { $lt: after.id } },
            ],
          }),
    }
    const documents = await this.#run((sessions) =>
      sessions.find(filter).sort({ openedAt: -1, _id: -1 }).limit(limit).toArray(),
    )
    return documents.map(fromDocument)
  }

  /** Live or resting. */
  async findByClaims(claims: readonly string[]): Promise<MaskSession | undefined> {
    const document = await this.#run((sessions) =>
      sessions.findOne({ isHeld: true, claims: { $in: [...claims] } }),
    )
    return document === null ? undefined : fromDocument(document)
  }

  /** Those of the claims that some session holds. */
  async heldOf(claims: readonly string[]): Promise<ReadonlySet<string>> {
    const wanted = new Set(claims)
    const documents = await this.#run((sessions) =>
      sessions
        .find({ isHeld: true, claims: { $in: [...claims] } })
        .project<{ claims: string[] }>({ claims: 1 })
        .toArray(),
    )
    return new Set(documents.flatMap((document) => document.claims.filter((claim) => wanted.has(claim))))
  }

  async consent(id: string, role: Role, nowMs: number): Promise<void> {
    const field = `consents.${role}`
    await this.#run((sessions) =>
      sessions.updateOne({ _id: id, [field]: { $exists: false } }, { $set: { [field]: nowMs } }),
    )
  }

  /** The line to one call: undefined where another has it, or the session has ended. */
  async takeLine(
    id: string,
    line: { callId: string; untilMs: number },
    nowMs: number,
  ): Promise<MaskSession | undefined> {
    const document = await this.#run((sessions) =>
      sessions.findOneAndUpdate(
        {
          _id: id,
          state: 'active',
          expiresMs: { $gt: nowMs },
          $or: [{ lineCallId: { $exists: false } }, { lineUntilMs: { $lte: nowMs } }],
        },
        { $set: { lineCallId: line.callId, lineUntilMs: line.untilMs } },
        { returnDocument: 'after' },
      ),
    )
    return document === null ? undefined : fromDocument(document)
  }

  async extendLine(id: string, callId: string, untilMs: number): Promise<void> {
    await this.#run((sessions) =>
      sessions.updateOne({ _id: id, lineCallId: callId }, { $set: { lineUntilMs: untilMs } }),
    )
  }

  async freeLine(id: string, callId: string): Promise<void> {
    await this.#run((sessions) =>
      sessions.updateOne({ _id: id, lineCallId: callId }, { $unset: { lineCallId: '', lineUntilMs: '' } }),
    )
  }

  /** What endSession and releaseSession decide, where nobody was faster. False where somebody was. */
  async settle(next: MaskSession, from: MaskSession['state']): Promise<boolean> {
    const { claims, driverClaims, state, isHeld, dueAt, endedMs, endReason } = toDocument(next)
    const { matchedCount } = await this.#run((sessions) =>
      sessions.updateOne(
        { _id: next.id, state: from },
        {
          // Claims of an ended session stay as they are in the database: one may have been added meanwhile.
          $set: {
            state,
            isHeld,
            ...(isHeld ? {} : { claims, driverClaims }),
            ...(dueAt === undefined ? {} : { dueAt }),
            ...(endedMs === undefined ? {} : { endedMs }),
            ...(endReason === undefined ? {} : { endReason }),
          },
          $unset: {
            keyId: '',
            sealedDriver: '',
            sealedPassenger: '',
            ...(dueAt === undefined ? { dueAt: '' } : {}),
          },
        },
      ),
    )
    return matchedCount === 1
  }

  /** Takes the one that is due the longest; nobody else gets it until the lease is over. */
  async claimDue(nowMs: number, leaseMs: number): Promise<MaskSession | undefined> {
    const document = await this.#run((sessions) =>
      sessions.findOneAndUpdate(
        { dueAt: { $lte: new Date(nowMs) } },
        { $set: { dueAt: new Date(nowMs + leaseMs) } },
        { sort: { dueAt: 1 }, returnDocument: 'after' },
      ),
    )
    return document === null ? undefined : fromDocument(document)
  }

  async setDue(id: string, dueMs: number): Promise<void> {
    await this.#run((sessions) =>
      sessions.updateOne({ _id: id, state: 'active' }, { $set: { dueAt: new Date(dueMs) } }),
    )
  }

  async countUse(): Promise<NumberUse[]> {
    const found = await this.#run((sessions) =>
      sessions
        .aggregate<{ _id: string; held: number; live: number }>([
          { $match: { isHeld: true } },
          { $unwind: '$numbers' },
          {
            $group: {
              _id: '$numbers.number',
              held: { $sum: 1 },
              live: { $sum: { $cond: [{ $eq: ['$state', 'active'] }, 1, 0] } },
            },
          },
        ])
        .toArray(),
    )
    return found.map(({ _id, held, live }) => ({ number: _id, held, live }))
  }
}
