/**
 * Which web pages may open sockets. Cookies are not used, so this is a second
 * wall behind tokens and tickets: a foreign page cannot act for someone whose
 * ticket it came by.
 */

/** True for native apps (no Origin), the edge's own host, and the allowed list. */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined) return true
  if (allowed.includes(origin)) return true
  // 'null' is what sandboxed frames and files send.
  if (host === undefined || !URL.canParse(origin)) return false
  return new URL(origin).host === normalHost(host, new URL(origin).protocol)
}

/** URL leaves out a scheme's default port; Host may name it. */
function normalHost(host: string, protocol: string): string {
  const text = `${protocol}//${host}`
  return URL.canParse(text) ? new URL(text).host : ''
}
