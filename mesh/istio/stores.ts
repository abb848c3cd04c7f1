/** Who may open a connection to which store. */
import { MEMBERS, principalOf, STORES_NAMESPACE, type Store } from '../members.ts'
import { labelsOf, type Manifest } from './manifest.ts'

export interface StoreSpec {
  /** The Service's name, and the pods' label. */
  readonly host: string
  readonly label: string
  readonly port: number
}

export const STORES: Readonly<Record<Store, StoreSpec>> = {
  nats: { host: 'nats', label: 'nats', port: 4222 },
  redis: { host: 'redis', label: 'redis', port: 6379 },
  mongodb: { host: 'mongodb-svc', label: 'mongodb', port: 27017 },
  clamav: { host: 'clamav', label: 'clamav', port: 3310 },
}

const ROUTES_PORT = 6222
const MONITOR_PORT = 8222

/** Copies of a store speak to each other; NATS's monitor shows counts and names, never a message. */
function ownRules(store: Store): object[] {
  const self = principalOf(store, STORES_NAMESPACE)
  switch (store) {
    case 'nats':
      return [
        {
          from: [{ source: { principals: [self] } }],
          to: [{ operation: { ports: [String(ROUTES_PORT)] } }],
        },
        { to: [{ operation: { ports: [String(MONITOR_PORT)] } }] },
      ]
    case 'mongodb':
      // The operator names the account of its members itself.
      return [{ from: [{ source: { namespaces: [STORES_NAMESPACE] } }] }]
    case 'redis':
    case 'clamav':
      return []
  }
}

function storePolicy(store: Store): Manifest {
  const { label, port } = STORES[store]
  const principals = MEMBERS.filter(({ stores }) => stores.includes(store)).map(({ name }) =>
    principalOf(name),
  )
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: store, namespace: STORES_NAMESPACE },
    spec: {
      selector: { matchLabels: labelsOf(label) },
      action: 'ALLOW',
      rules: [
        { from: [{ source: { principals } }], to: [{ operation: { ports: [String(port)] } }] },
        ...ownRules(store),
      ],
    },
  }
}

/** Prometheus and KEDA are outside of the mesh: one port of one store takes them in without a certificate. */
const monitor: Manifest = {
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'nats-monitor', namespace: STORES_NAMESPACE },
  spec: {
    selector: { matchLabels: labelsOf('nats') },
    mtls: { mode: 'STRICT' },
    portLevelMtls: { [MONITOR_PORT]: { mode: 'PERMISSIVE' } },
  },
}

export function storePolicies(): Manifest[] {
  return [...(Object.keys(STORES) as Store[]).map(storePolicy), monitor]
}
