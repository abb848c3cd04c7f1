/** A running stream's messages, from the socket that brings them to the loop that takes them. */
import { HushrydError } from './error.ts'

/** Messages that wait for the loop; one slower than that has no use for the rest. */
const WAITING_MAX = 1_000

/** Where the messages of a call go. */
export interface Sink {
  message(message: unknown): void
  end(): void
  fail(error: HushrydError): void
}

/** Answers how to end the call early. */
export type OpenStream = (sink: Sink) => () => void

interface Taker {
  resolve(result: IteratorResult<unknown>): void
  reject(error: HushrydError): void
}

/**
 * Each loop over it opens a stream of its own. Written out where an async
 * generator would do: not every engine has those.
 */
export function messageStream(open: OpenStream): AsyncIterable<unknown> {
  return { [Symbol.asyncIterator]: () => iterate(open) }
}

function iterate(open: OpenStream): AsyncIterator<unknown> {
  const messages: unknown[] = []
  const takers: Taker[] = []
  let ended: 'no' | 'yes' | HushrydError = 'no'

  function finish(how: 'yes' | HushrydError): void {
    if (ended !== 'no') return
    ended = how
    for (const taker of takers.splice(0)) tellEnd(taker)
  }

  /** A failure is told once; from then on the stream is over. */
  function tellEnd(taker: Taker): void {
    const how = ended
    ended = 'yes'
    if (how instanceof HushrydError) taker.reject(how)
    else taker.resolve({ done: true, value: undefined })
  }

  const cancel = open({
    message(message) {
      if (ended !== 'no') return
      const taker = takers.shift()
      if (taker !== undefined) taker.resolve({ done: false, value: message })
      else if (messages.length < WAITING_MAX) messages.push(message)
      else {
        finish(new HushrydError('The loop over the stream is too slow.', { code: 'RESOURCE_EXHAUSTED' }))
        cancel()
      }
    },
    end: () => finish('yes'),
    fail: finish,
  })

  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (messages.length > 0) resolve({ done: false, value: messages.shift() })
        else if (ended === 'no') takers.push({ resolve, reject })
        else tellEnd({ resolve, reject })
      }),
    async return() {
      messages.length = 0
      finish('yes')
      cancel()
      return { done: true, value: undefined }
    },
  }
}
