/** Whose connection it is, by the proxies that are trusted. Pure. */
import type { IncomingHttpHeaders } from 'node:http'
import { isIPv4, isIPv6 } from 'node:net'

interface Arrived {
  readonly headers: IncomingHttpHeaders
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/** Undefined where it is no address. Some proxies write the port with it, and IPv6 in brackets. */
function parseAddress(text: string): string | undefined {
  const bare = text.trim().replace(/^\[(.*)\](?::\d+)?$/, '$1')
  const address = bare.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined && isIPv4(mapped)) return mapped
  return isIPv4(address) || isIPv6(address) ? address.toLowerCase() : undefined
}

/**
 * Each trusted proxy appends the address that it saw, so the client is as
 * many entries from the right as there are proxies; what stands further left
 * is the client's own claim. Empty where even the socket does not know.
 */
export function clientAddress({ headers, socket }: Arrived, trustedProxies: number): string {
  const peer = parseAddress(socket.remoteAddress ?? '') ?? ''
  if (trustedProxies === 0) return peer
  const forwarded = headers['x-forwarded-for']
  const entries = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',')
  // Fewer entries than proxies: the request entered at an inner one, whose entry is the first.
  const entry = entries[Math.max(0, entries.length - trustedProxies)] ?? ''
  return parseAddress(entry) ?? peer
}

/** The first groups of an IPv6 address that name a subscriber's network: /64. */
const NETWORK_GROUPS = 4

/** What a limit counts by: an address of IPv4, a network of IPv6, where one subscriber has 2^64 addresses. */
export function limitKeyOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? []
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.replace(/^0+(?=.)/, ''))
  return `${network.join(':')}::/64`
}
