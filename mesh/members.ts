/**
 * Who is in the mesh, and what each calls and reaches on its own behalf.
 *
 * What people and HushRyd's backend may call stands in the contract, as
 * audiences, and is not repeated here. A test holds this table against the
 * code: a client that is opened or a method that is called without standing
 * here is found, and so is a right that nothing uses.
 */

export interface Member {
  /** Of its Deployment, its Service and its service account: what `PEER_TRUST=mesh` knows it by. */
  readonly name: string
  /** Without it the process serves nothing. */
  readonly grpcPort?: number
  readonly opsPort: number
  /** By the callee's full service name. Peers whom people's calls pass through are not listed: see BRIDGE. */
  readonly calls?: Readonly<Record<string, readonly string[]>>
  /** Stores it opens connections to. */
  readonly stores: readonly Store[]
  /** Hosts outside of the cluster. */
  readonly providers?: readonly string[]
}

export type Store = 'nats' | 'redis' | 'mongodb' | 'clamav'

/** Carries everyone's calls: may call every method that has an audience. */
export const BRIDGE = 'edge'

/** HushRyd's own backend: bookings, payments, login. In a namespace of its own. */
export const BACKEND = { namespace: 'hushryd-backend', account: 'hushryd-backend' } as const

/** Takes what comes from outside to the edge's HTTP port, and nothing else. */
export const GATEWAY = { namespace: 'hushryd-ingress', account: 'hushryd-gateway' } as const

export const NAMESPACE = 'hushryd'
export const STORES_NAMESPACE = 'hushryd-stores'
export const TRUST_DOMAIN = 'cluster.local'
export const EDGE_HTTP_PORT = 8080

const DIRECTORY = 'hushryd.directory.v1.DirectoryService'
const LOCATION = 'hushryd.location.v1.LocationService'
const NOTIFY = 'hushryd.notify.v1.NotifyService'
const SOS = 'hushryd.sos.v1.SosService'
const MASKCALL = 'hushryd.maskcall.v1.MaskCallService'
const DOCS = 'hushryd.docs.v1.DocumentService'
const EDGE = 'hushryd.edge.v1.EdgeService'

export const MEMBERS: readonly Member[] = [
  { name: 'directory', grpcPort: 7006, opsPort: 9006, stores: ['nats', 'redis', 'mongodb'] },
  {
    name: 'location',
    grpcPort: 7001,
    opsPort: 9001,
    calls: { [DIRECTORY]: ['GetTrip'] },
    stores: ['nats', 'redis', 'mongodb'],
  },
  { name: 'location-history', opsPort: 9021, stores: ['nats', 'mongodb'] },
  {
    name: 'notify',
    grpcPort: 7003,
    opsPort: 9003,
    calls: { [DIRECTORY]: ['GetUser', 'GetEmergencyContacts'] },
    stores: ['nats', 'mongodb'],
    providers: [
      'api.twilio.com',
      'control.msg91.com',
      'api.sendgrid.com',
      'email.ap-south-1.amazonaws.com',
      'sns.ap-south-1.amazonaws.com',
      'sts.ap-south-1.amazonaws.com',
      'graph.facebook.com',
      'fcm.googleapis.com',
      'oauth2.googleapis.com',
    ],
  },
  {
    name: 'sos',
    grpcPort: 7002,
    opsPort: 9002,
    calls: {
      [DIRECTORY]: ['GetTrip'],
      [LOCATION]: ['GetTrail'],
      [NOTIFY]: ['QueueNotifications'],
      [MASKCALL]: ['AnnounceAlerts'],
    },
    stores: ['nats', 'redis', 'mongodb'],
  },
  {
    name: 'maskcall',
    grpcPort: 7004,
    opsPort: 9004,
    calls: { [DIRECTORY]: ['GetTrip', 'GetUser', 'GetEmergencyContacts'] },
    stores: ['nats', 'mongodb'],
    providers: ['api.twilio.com', 'api.in.exotel.com'],
  },
  {
    name: 'docs',
    grpcPort: 7005,
    opsPort: 9005,
    calls: { [NOTIFY]: ['QueueNotifications'] },
    stores: ['nats', 'mongodb', 'clamav'],
    providers: [
      's3.ap-south-1.amazonaws.com',
      '*.s3.ap-south-1.amazonaws.com',
      'sts.ap-south-1.amazonaws.com',
    ],
  },
  {
    name: 'admin',
    grpcPort: 7007,
    opsPort: 9007,
    calls: {
      [SOS]: ['ListAlerts'],
      [NOTIFY]: ['GetDelivery'],
      [MASKCALL]: ['GetPool'],
      [DOCS]: ['ListDocuments'],
      [EDGE]: ['ListEdges'],
    },
    stores: ['nats', 'redis', 'mongodb'],
  },
  {
    name: 'edge',
    grpcPort: 7010,
    opsPort: 9010,
    calls: { [DIRECTORY]: ['GetTrip'], [LOCATION]: ['Connect'], [SOS]: ['Connect'] },
    stores: ['nats', 'redis'],
  },
]

/** `hushryd.location.v1.LocationService` is served by `location`. */
export function servedBy(serviceName: string): Member {
  const [, area] = serviceName.split('.')
  const member = MEMBERS.find(({ name }) => name === area)
  if (member === undefined) throw new Error(`no member of the mesh serves ${serviceName}`)
  return member
}

export function hostOf(name: string, namespace = NAMESPACE): string {
  return `${name}.${namespace}.svc.cluster.local`
}

export function principalOf(account: string, namespace = NAMESPACE): string {
  return `${TRUST_DOMAIN}/ns/${namespace}/sa/${account}`
}
