/** For conditions that are only visible from outside; where there is an event, await that. */
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 10
const TIMEOUT_MS = 5000

/** Resolves with the first value that is neither false, null nor undefined; what the condition throws counts as not yet. */
export async function until<T>(
  condition: () => Promise<T> | T,
  {
    timeoutMs = TIMEOUT_MS,
    what = 'the condition',
  }: { readonly timeoutMs?: number; readonly what?: string } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const endMs = performance.now() + timeoutMs
  let lastError: unknown
  do {
    try {
      const value = await condition()
      if (value !== false && value !== null && value !== undefined)
        return value as NonNullable<Exclude<T, false>>
    } catch (error) {
      lastError = error
    }
    await sleep(POLL_MS)
  } while (performance.now() < endMs)
  throw new Error(`${what} did not come true within ${timeoutMs} ms`, { cause: lastError })
}
