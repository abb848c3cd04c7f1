/** Signs people in, each with one device, over REST as HushRyd's backend does. */
import { openBackend } from '../../local/demo/backend.ts'

const REQUESTS_AT_ONCE = 32

/** Their tokens. */
export async function signIn(
  count: number,
  { edgeUrls, serviceKey }: { readonly edgeUrls: readonly string[]; readonly serviceKey: string },
  prefix: string,
): Promise<string[]> {
  const backends = edgeUrls.map((url) => openBackend(url, serviceKey))
  const tokens: string[] = []
  let next = 0
  async function work(): Promise<void> {
    for (let index = next++; index < count; index = next++) {
      const backend = backends[index % backends.length]
      if (backend === undefined) throw new Error('signing in needs an edge')
      tokens[index] = await backend.signIn(`${prefix}-${index}`, 'passenger')
    }
  }
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, work))
  return tokens
}
