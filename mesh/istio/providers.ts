/** The hosts outside of the cluster that some member reaches: there are no others, as egress is by registry only. */
import { MEMBERS, NAMESPACE } from '../members.ts'
import type { Manifest } from './manifest.ts'

export function serviceEntries(): Manifest[] {
  const hosts = [...new Set(MEMBERS.flatMap(({ providers }) => providers ?? []))].sort()
  return hosts.map((host) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: host.replace('*', 'any').replaceAll('.', '-'), namespace: NAMESPACE },
    spec: {
      hosts: [host],
      exportTo: ['.'],
      location: 'MESH_EXTERNAL',
      ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
      // A name with a star has no address to look up: the connection goes where its own was.
      resolution: host.startsWith('*') ? 'NONE' : 'DNS',
    },
  }))
}
