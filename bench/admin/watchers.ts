/** Many who watch the log over WebSockets, in a thread of their own: what they take, the publisher does not feel. */
import { parentPort, workerData } from 'node:worker_threads'
import { WebSocket } from 'ws'

export interface WatchersTask {
  readonly sockets: readonly { readonly url: string; readonly token: string }[]
}

export interface WatchersReport {
  /** Events that each watcher was shown since the last report. */
  readonly events: readonly number[]
  /** From an event's own time to its arrival, of some of them. */
  readonly lagsMs: readonly number[]
  /** Messages that did not join the one before. */
  readonly breaks: number
}

const METHOD = 'hushryd.admin.v1.AdminService/WatchEvents'
/** One message of so many is read whole; of the others only where they begin and end. */
const SAMPLE = 8
const HEAD = /^\{"id":"w","next":\{"sequence":(\d+),"previousSequence":(\d+),/
const OCCURRED = /"occurredAt":(\d+)/g

function watchAll({ sockets }: WatchersTask): void {
  const port = parentPort
  if (port === null) throw new Error('this file is a worker')
  const events = sockets.map(() => 0)
  let lagsMs: number[] = []
  let breaks = 0
  let messages = 0
  let ready = 0

  for (const [index, { url, token }] of sockets.entries()) {
    let last: number | undefined
    const socket = new WebSocket(url, 'hushryd.v1.json', {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    })
    socket.on('open', () => {
      socket.send(JSON.stringify({ id: 'w', call: { method: METHOD, request: { snapshotSize: 1 } } }))
    })
    socket.on('message', (data: Buffer) => {
      const text = data.toString('utf8')
      const head = HEAD.exec(text)
      if (head === null) return
      const sequence = Number(head[1])
      const previous = Number(head[2])
      if (last === undefined) ready += 1
      else {
        if (previous !== last) breaks += 1
        events[index] = (events[index] ?? 0) + sequence - previous
      }
      last = sequence
      if (ready === sockets.length) {
        ready += 1
        port.postMessage('ready')
      }
      messages += 1
      if (messages % SAMPLE !== 0) return
      const nowMs = Date.now()
      for (const [, occurredAt] of text.matchAll(OCCURRED)) lagsMs.push(nowMs - Number(occurredAt))
    })
    socket.on('close', () => {
      throw new Error('a watcher was closed')
    })
  }
  port.on('message', () => {
    port.postMessage({ events: [...events], lagsMs, breaks } satisfies WatchersReport)
    events.fill(0)
    lagsMs = []
    breaks = 0
  })
}

watchAll(workerData as WatchersTask)
