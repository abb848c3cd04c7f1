/** What the edge tells its page: where else there are edges, and whether there is a demo. */

export interface PageSettings {
  /** The edge that served the page, and then the others. */
  readonly endpoints: readonly string[]
  /** Undefined where there is no demo, as in production. */
  readonly testAlertUrl: string | undefined
}

/** Without an answer by then the page makes do with its own edge. */
const ANSWER_MS = 10_000

/** Of `settings.json`, whatever it may be. Edges of other hosts are not this page's: one address may lead to all of them. */
export function pageSettingsOf(told: unknown, origin: string): PageSettings {
  const { endpoints, testAlertUrl } = (typeof told === 'object' && told !== null ? told : {}) as Record<
    string,
    unknown
  >
  const named = Array.isArray(endpoints) ? endpoints.map(String) : []
  const { hostname } = new URL(origin)
  const others = named.filter((url) => url !== origin && URL.parse(url)?.hostname === hostname)
  return {
    endpoints: named.includes(origin) ? [origin, ...others] : [origin],
    testAlertUrl: typeof testAlertUrl === 'string' && testAlertUrl !== '' ? testAlertUrl : undefined,
  }
}

export async function readPageSettings(origin: string): Promise<PageSettings> {
  const told = await fetch(new URL('/admin/settings.json', origin), {
    signal: AbortSignal.timeout(ANSWER_MS),
  })
    .then((response) => response.json() as Promise<unknown>)
    .catch(() => undefined)
  return pageSettingsOf(told, origin)
}
