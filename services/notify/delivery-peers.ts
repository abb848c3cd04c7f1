/**
 * What all processes of notify have seen of the providers. Each keeps its own
 * counts and breakers; the one that is asked asks the others over NATS and
 * waits a fixed moment, since nobody knows how many there are.
 */
import { randomUUID } from 'node:crypto'
import {
  DeliveryAnswered,
  DeliveryAsked,
  type ProviderTally,
} from '@hushryd/gen/hushryd/notify/v1/delivery.ts'
import { type Clock, pause } from '@hushryd/kernel/clock.ts'
import type { NatsLink } from '@hushryd/kernel/stores/nats.ts'

export interface DeliveryPeersOptions {
  readonly nats: NatsLink
  readonly namespace: string
  readonly processId: string
  readonly startedMs: number
  readonly readOwn: (fromMs: number) => ProviderTally[]
  readonly clock: Clock
}

export interface HeardProcess {
  readonly processId: string
  readonly startedMs: number
  readonly heardMs: number
  /** It did not answer now; the tallies are its last ones. */
  readonly isSilent: boolean
  readonly tallies: readonly ProviderTally[]
}

/** A process that is well answers in a few milliseconds. */
const WAIT_MS = 300
/** One that is silent for so long has ended. */
const FORGET_MS = 120_000

export class DeliveryPeers {
  readonly #options: DeliveryPeersOptions
  readonly #heard = new Map<string, Omit<HeardProcess, 'isSilent'>>()
  /** The questions that are open, with who has answered. */
  readonly #open = new Map<string, Set<string>>()

  constructor(options: DeliveryPeersOptions) {
    this.#options = options
  }

  /** Answers how to stop. */
  listen(): () => void {
    const { nats, processId } = this.#options
    const subscriptions = [
      nats.subscribe(this.#subject('ask'), ({ data }) => this.#answer(DeliveryAsked.decode(data))),
      nats.subscribe(this.#subject(`answer.${processId}`), ({ data }) =>
        this.#hear(DeliveryAnswered.decode(data)),
      ),
    ]
    return () => {
      for (const subscription of subscriptions) subscription.close()
    }
  }

  /** This process first. */
  async ask(fromMs: number): Promise<HeardProcess[]> {
    const { nats, clock, processId, startedMs, readOwn } = this.#options
    const questionId = randomUUID()
    const answered = new Set<string>()
    this.#open.set(questionId, answered)
    const question = DeliveryAsked.encode({ processId, questionId, countedFrom: fromMs }).finish()
    if (nats.publish(this.#subject('ask'), question))
      await pause(clock, WAIT_MS, new AbortController().signal)
    this.#open.delete(questionId)
    const nowMs = clock.nowMs()
    for (const [id, { heardMs }] of this.#heard) if (nowMs - heardMs > FORGET_MS) this.#heard.delete(id)
    const own = { processId, startedMs, heardMs: nowMs, isSilent: false, tallies: readOwn(fromMs) }
    const others = [...this.#heard.values()].map((peer) => ({
      ...peer,
      isSilent: !answered.has(peer.processId),
    }))
    return [own, ...others.toSorted((one, other) => (one.processId < other.processId ? -1 : 1))]
  }

  #subject(what: string): string {
    return `${this.#options.namespace}notify.delivery.${what}`
  }

  #answer({ processId: asker, questionId, countedFrom }: DeliveryAsked): void {
    const { nats, processId, startedMs, readOwn } = this.#options
    if (asker === processId) return
    const tallies = readOwn(countedFrom)
    const answer = DeliveryAnswered.encode({ questionId, processId, startedAt: startedMs, tallies }).finish()
    nats.publish(this.#subject(`answer.${asker}`), answer)
  }

  #hear({ questionId, processId, startedAt, tallies }: DeliveryAnswered): void {
    const answered = this.#open.get(questionId)
    // Too late: its counts may be of another time than the question's.
    if (answered === undefined) return
    answered.add(processId)
    const heardMs = this.#options.clock.nowMs()
    this.#heard.set(processId, { processId, startedMs: startedAt, heardMs, tallies })
  }
}
