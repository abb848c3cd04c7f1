/**
 * How the fleet stays even: which node refuses a new socket, and how many a
 * node with too many asks to move. Pure: time, counts and chance are given.
 *
 * Every node decides for itself from what all have reported, which is up to
 * some seconds old. So the thresholds are apart (hysteresis) and moves are
 * paced. An uneven fleet is better than a closed one: a node stops refusing
 * where nobody takes what it refuses, and refuses no more than so many a
 * second, so that in a storm everyone is back soon and evenness comes after.
 */

export interface NodeCount {
  readonly edgeId: string
  readonly connections: number
  readonly draining: boolean
  /** Of its last report, by its own clock. */
  readonly seenAt: number
}

/** A node this far from the mean, as a share of it or in sockets, is uneven. */
const UNEVEN_SHARE = 0.05
const UNEVEN_SOCKETS = 20
/** Moving begins when a node is this far off, and ends when all are even again. */
const MOVE_SHARE = 0.075
const MOVE_SOCKETS = 30
/** Of its sockets a node moves at most this share a second. */
const MOVED_SHARE_A_SECOND = 0.01
const MOVED_A_SECOND_MIN = 5
/**
 * Nor are more on their way at once than move in so many seconds: where the
 * others take them slowly, asking more would only end in closing them.
 */
const MOVING_SECONDS = 3
/** Without a new report for so long a node counts no more, by this node's clock: others' may differ. */
const SILENT_MS = 3_500
/** Nor does this node's own view, where Redis is away. */
const FRESH_MS = 5_000
/**
 * Reports are older than this node's own count. While everybody connects, the
 * others are taken to have grown as much as this node since, up to so many.
 */
const GROWTH_MAX = 500
/** Refusing while nobody else grows goes on for this long, then stops for as long. */
const FUTILE_MS = 5_000
const OPEN_MS = 10_000

function slack(mean: number, share: number, sockets: number): number {
  return Math.max(mean * share, sockets)
}

/** Another node's last report, */
interface Heard {
  readonly seenAt: number
  /** when it was first read here, */
  readonly atMs: number
  /** and how many sockets this node had before that: at most as many as when the report was written. */
  readonly own: number
}

interface View {
  readonly updatedAtMs: number
  readonly others: readonly { readonly connections: number; readonly ownThen: number }[]
  readonly othersSum: number
}

const NOBODY: View = { updatedAtMs: Number.NEGATIVE_INFINITY, others: [], othersSum: 0 }
const SECOND_MS = 1_000

function meanOf(others: readonly number[], own: number): number {
  return (others.reduce((sum, connections) => sum + connections, 0) + own) / (others.length + 1)
}

export class Balance {
  readonly #edgeId: string
  readonly #refusalsPerSecond: number
  #refusals = 0
  #refusalsSinceMs = Number.NEGATIVE_INFINITY
  #view: View = NOBODY
  #heard = new Map<string, Heard>()
  /** At the last update; unknown before the first, when nobody is taken to have grown. */
  #own = Number.POSITIVE_INFINITY
  #isMoving = false
  /** Refused since the others last grew. */
  #hasRefused = false
  #grewAtMs = 0
  #openUntilMs = Number.NEGATIVE_INFINITY

  constructor(edgeId: string, refusalsPerSecond: number) {
    this.#edgeId = edgeId
    this.#refusalsPerSecond = refusalsPerSecond
  }

  /** What the fleet has reported, this node included. */
  update(nodes: readonly NodeCount[], nowMs: number): void {
    this.#heard = new Map(nodes.map(({ edgeId, seenAt }) => [edgeId, this.#hear(edgeId, seenAt, nowMs)]))
    const others = nodes
      .filter((node) => this.#takesPart(node, nowMs))
      .map(({ edgeId, connections }) => ({ connections, ownThen: this.#heard.get(edgeId)?.own ?? 0 }))
    const othersSum = others.reduce((sum, { connections }) => sum + connections, 0)
    if (othersSum > this.#view.othersSum || !this.#hasRefused) {
      this.#grewAtMs = nowMs
      this.#hasRefused = false
    } else if (nowMs - this.#grewAtMs >= FUTILE_MS) {
      this.#openUntilMs = nowMs + OPEN_MS
      this.#grewAtMs = nowMs
      this.#hasRefused = false
    }
    this.#own = nodes.find(({ edgeId }) => edgeId === this.#edgeId)?.connections ?? Number.POSITIVE_INFINITY
    this.#view = { updatedAtMs: nowMs, others, othersSum }
  }

  #hear(edgeId: string, seenAt: number, nowMs: number): Heard {
    const before = this.#heard.get(edgeId)
    return before?.seenAt === seenAt ? before : { seenAt, atMs: nowMs, own: this.#own }
  }

  #takesPart({ edgeId, draining }: NodeCount, nowMs: number): boolean {
    return edgeId !== this.#edgeId && !draining && nowMs - (this.#heard.get(edgeId)?.atMs ?? 0) < SILENT_MS
  }

  /**
   * Whether one more socket is for another node to take: one with too many
   * refuses, and while some have too few only those take new ones.
   */
  refuses(own: number, nowMs: number): boolean {
    const view = this.#freshView(nowMs)
    if (view.others.length === 0 || nowMs < this.#openUntilMs || this.#isStorm(nowMs)) return false
    const others = view.others.map(
      ({ connections, ownThen }) => connections + Math.min(Math.max(0, own - ownThen), GROWTH_MAX),
    )
    const mean = meanOf(others, own)
    const uneven = slack(mean, UNEVEN_SHARE, UNEVEN_SOCKETS)
    const isShort = (connections: number): boolean => connections < mean - uneven
    const isRefused = own > mean + uneven || (!isShort(own) && others.some(isShort))
    if (isRefused) {
      this.#refusals += 1
      this.#hasRefused = true
    }
    return isRefused
  }

  /** So many were refused within this second that the rest is taken. */
  #isStorm(nowMs: number): boolean {
    if (nowMs - this.#refusalsSinceMs >= SECOND_MS) {
      this.#refusals = 0
      this.#refusalsSinceMs = nowMs
    }
    return this.#refusals >= this.#refusalsPerSecond
  }

  /**
   * To be called once a second: how many sockets to ask to move now. `own` are
   * those that stay, `leaving` those that were asked and are still here.
   */
  toMove({ own, leaving }: { readonly own: number; readonly leaving: number }, nowMs: number): number {
    const others = this.#freshView(nowMs).others.map(({ connections }) => connections)
    if (others.length === 0) {
      this.#isMoving = false
      return 0
    }
    const mean = meanOf(others, own)
    const furthest = Math.max(
      Math.abs(own - mean),
      ...others.map((connections) => Math.abs(connections - mean)),
    )
    if (this.#isMoving) this.#isMoving = furthest > slack(mean, UNEVEN_SHARE, UNEVEN_SOCKETS)
    else this.#isMoving = furthest > slack(mean, MOVE_SHARE, MOVE_SOCKETS)
    if (!this.#isMoving || own <= mean) return 0
    const paced = Math.max(MOVED_A_SECOND_MIN, own * MOVED_SHARE_A_SECOND)
    return Math.max(0, Math.ceil(Math.min(own - mean, paced, paced * MOVING_SECONDS - leaving)))
  }

  #freshView(nowMs: number): View {
    return nowMs - this.#view.updatedAtMs < FRESH_MS ? this.#view : NOBODY
  }
}
