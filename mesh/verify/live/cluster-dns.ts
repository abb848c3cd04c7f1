/**
 * Loaded before a process (`node --import`): names of the cluster lead to its
 * own sidecar, as they do where connections are redirected to it.
 */
import dns, { type LookupAddress } from 'node:dns'

const CLUSTER = '.svc.cluster.local'
const outbound = process.env.HUSHRYD_VERIFY_OUTBOUND
const lookup = dns.promises.lookup

if (outbound !== undefined) {
  dns.promises.lookup = (async (hostname: string, options: object) => {
    if (!hostname.endsWith(CLUSTER)) return await lookup(hostname, options)
    const found: LookupAddress = { address: outbound, family: 4 }
    return 'all' in options && options.all === true ? [found] : found
  }) as typeof lookup
}
