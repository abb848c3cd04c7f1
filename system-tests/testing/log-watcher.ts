/**
 * Someone who watches the operations room's log, now on this edge, now on that
 * one, and goes on after the last message whatever ends the stream: as the
 * page does over a WebSocket, as a browser does over server-sent events.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { WatchEventsResponse } from '@hushryd/gen/hushryd/admin/v1/admin.ts'
import { WebSocket } from 'ws'

export type Transport = 'socket' | 'sse'

export interface Seen {
  readonly sequence: number
  readonly eventId: string
  readonly type: string
}

export interface LogWatcherOptions {
  readonly edgeUrls: readonly string[]
  readonly token: string
  readonly transport: Transport
}

const METHOD = 'hushryd.admin.v1.AdminService/WatchEvents'
/** The contract promises a message every five seconds. */
const SILENCE_MS_MAX = 10_000
const AGAIN_MS = 100

type Message = Pick<WatchEventsResponse, 'sequence' | 'previousSequence' | 'events' | 'gap'>

export class LogWatcher implements AsyncDisposable {
  readonly seen: Seen[] = []
  /** What may never be: a gap, a message that does not join the one before. */
  readonly faults: string[] = []
  connections = 0
  readonly #options: LogWatcherOptions
  readonly #closing = new AbortController()
  #current = new AbortController()
  #last = 0
  #run: Promise<void>

  constructor(options: LogWatcherOptions) {
    this.#options = options
    this.#run = this.#watch()
  }

  /** The sequence of the last message. */
  get last(): number {
    return this.#last
  }

  /** Cuts the connection; the watcher comes back by itself, on the next edge. */
  disconnect(): void {
    this.#current.abort()
  }

  async #watch(): Promise<void> {
    const { edgeUrls, transport } = this.#options
    const { signal: closing } = this.#closing
    for (let turn = 0; !closing.aborted; turn += 1) {
      this.#current = new AbortController()
      const ended = AbortSignal.any([closing, this.#current.signal])
      const url = edgeUrls[turn % edgeUrls.length] ?? ''
      // Whatever it is, the watcher goes on after the last message.
      await (transport === 'socket' ? this.#overSocket(url, ended) : this.#overSse(url, ended)).catch(
        () => undefined,
      )
      await sleep(AGAIN_MS, undefined, { signal: closing }).catch(() => undefined)
    }
  }

  async #overSocket(url: string, ended: AbortSignal): Promise<void> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/ws`, 'hushryd.v1.json', {
      headers: { authorization: `Bearer ${this.#options.token}` },
    })
    const end = (): void => socket.terminate()
    ended.addEventListener('abort', end)
    const silence = setTimeout(end, SILENCE_MS_MAX)
    socket.on('open', () => {
      this.connections += 1
      const request = { afterSequence: this.#last }
      socket.send(JSON.stringify({ id: 'log', call: { method: METHOD, request } }))
    })
    socket.on('message', (data) => {
      const { next, error, goAway } = JSON.parse(String(data)) as Record<string, unknown>
      if (next !== undefined) {
        silence.refresh()
        this.#take(next as Message)
      } else if (error !== undefined || goAway !== undefined) end()
    })
    socket.on('error', () => undefined)
    try {
      await new Promise<void>((resolve) => socket.on('close', () => resolve()))
    } finally {
      clearTimeout(silence)
      ended.removeEventListener('abort', end)
    }
  }

  async #overSse(url: string, ended: AbortSignal): Promise<void> {
    const silence = new AbortController()
    const timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
    try {
      const response = await fetch(`${url}/v1/admin/events`, {
        headers: {
          authorization: `Bearer ${this.#options.token}`,
          ...(this.#last === 0 ? {} : { 'last-event-id': String(this.#last) }),
        },
        signal: AbortSignal.any([ended, silence.signal]),
      })
      if (!response.ok || response.body === null) return
      this.connections += 1
      let text = ''
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        const blocks = (text + chunk).split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) {
          const id = /^id: (\d+)$/m.exec(block)?.[1]
          const data = /^data: (.*)$/m.exec(block)?.[1]
          if (id === undefined || data === undefined) continue
          timer.refresh()
          const message = JSON.parse(data) as Message
          if (String(message.sequence) !== id)
            this.faults.push(`event ${id} holds message ${message.sequence}`)
          this.#take(message)
        }
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #take({ sequence, previousSequence, events, gap }: Message): void {
    if (gap != null) this.faults.push(`a gap from ${gap.firstSequence} to ${gap.lastSequence}`)
    if (this.#last !== 0 && previousSequence !== this.#last)
      this.faults.push(`a message after ${previousSequence} came after ${this.#last}`)
    this.#last = sequence
    for (const { sequence: number, event } of events)
      this.seen.push({ sequence: number, eventId: event?.eventId ?? '', type: event?.type ?? '' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#run
  }
}
