/**
 * Has PDFs read in a thread of its own, with bounds on time and memory: a file
 * that goes past one of them costs the thread, not the process.
 */
import { Worker } from 'node:worker_threads'
import type { PdfVerdict } from './content.ts'

export interface PdfReader extends AsyncDisposable {
  judge(bytes: Uint8Array): Promise<PdfVerdict>
}

/** A scan of many pages takes a fraction of a second. */
const TIMEOUT_MS = 20_000
/** Of objects in JavaScript; unpacked bytes have bounds of their own. */
const HEAP_MB_MAX = 128
/** The library keeps every name that it has ever read. */
const FILES_PER_THREAD = 100

export function createPdfReader(): PdfReader {
  let thread: Worker | undefined
  let files = 0
  let last: Promise<unknown> = Promise.resolve()

  function start(): Worker {
    files = 0
    const started = new Worker(new URL('thread.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
      // The library reports what it leaves out by console.warn; it is told by the verdict.
      stdout: true,
      stderr: true,
    })
    // One that dies is noticed by whoever waits for it; without anybody, the next file gets a new one.
    started.on('error', () => undefined)
    started.once('exit', () => {
      if (thread === started) thread = undefined
    })
    started.stdout.resume()
    started.stderr.resume()
    started.unref()
    return started
  }

  async function end(): Promise<void> {
    const ended = thread
    thread = undefined
    await ended?.terminate()
  }

  async function judgeNow(bytes: Uint8Array): Promise<PdfVerdict> {
    if (files >= FILES_PER_THREAD) await end()
    thread ??= start()
    files += 1
    const reading = thread
    const { promise, resolve } = Promise.withResolvers<PdfVerdict | undefined>()
    const timer = setTimeout(() => resolve(undefined), TIMEOUT_MS)
    const died = (): void => resolve(undefined)
    reading.once('message', resolve).once('error', died).once('exit', died)
    try {
      reading.ref()
      reading.postMessage(bytes)
      const verdict = await promise
      if (verdict !== undefined) return verdict
      await end()
      return 'too_complex'
    } finally {
      clearTimeout(timer)
      reading.off('message', resolve).off('error', died).off('exit', died)
      reading.unref()
    }
  }

  return {
    // One after the other: the bound on memory is for one file.
    judge(bytes) {
      const verdict = last.then(() => judgeNow(bytes))
      last = verdict.catch(() => undefined)
      return verdict
    },
    [Symbol.asyncDispose]: end,
  }
}
