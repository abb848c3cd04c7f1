/** The only reader of the edge's environment. */
import {
  addressSettings,
  checkPeerSettings,
  natsSettings,
  peerSettings,
  portSettings,
  processSettings,
  redisSettings,
} from '@hushryd/kernel/common-settings.ts'
import {
  type ConfigOf,
  durationMs,
  type Environment,
  flag,
  hostPort,
  integer,
  oneOf,
  optional,
  readEnv,
  type Setting,
  text,
  url,
} from '@hushryd/kernel/config.ts'
import { PARTITIONS_DEFAULT } from '@hushryd/kernel/partition.ts'
import { restSettings } from './rest/settings.ts'

/** Several values after commas; an empty text is an empty list. */
function listOf<T>(inner: Setting<T>): Setting<readonly T[]> {
  return {
    ...inner,
    kind: `${inner.kind}, several after commas`,
    parse(value) {
      const given = value === undefined || value === '' ? (inner.defaultText ?? '') : value
      return Object.freeze(
        given
          .split(',')
          .filter((part) => part !== '')
          .map((part) => inner.parse(part.trim())),
      )
    },
  }
}

export const settings = {
  ...processSettings,
  ...portSettings(7010),
  ...peerSettings,
  ...natsSettings,
  ...redisSettings,
  ...addressSettings,
  ...restSettings,
  LOCATION_ADDR: listOf(addressSettings.LOCATION_ADDR),
  EDGE_ADDR: optional(
    hostPort({
      doc: 'gRPC address of the edges’ own services, for calls from outside to them; needed with PEER_TRUST=mesh, where the sidecar has to see them. This node where left out.',
    }),
  ),
  EDGE_ID: text({ doc: 'This node’s name, such as edge-1; another node never has the same.' }),
  HTTP_PORT: integer({
    default: 8080,
    min: 0,
    max: 65_535,
    doc: 'Port of WebSocket and REST; 0 picks a free one.',
  }),
  EDGE_REUSE_PORT: flag({
    default: false,
    doc: 'Several edge processes of one machine listen on the same HTTP_PORT, and the kernel spreads new connections over them.',
  }),
  PUBLIC_URL: url({
    protocols: ['http:', 'https:'],
    default: 'http://localhost:8080',
    doc: 'Where people reach the edge from outside: share links begin with it.',
  }),
  EDGE_ORIGINS: listOf(
    text({
      default: '',
      doc: 'Origins of web pages that may open sockets, such as https://app.hushryd.com; the edge’s own host always may.',
    }),
  ),
  EDGE_DOCUMENT_ORIGINS: listOf(
    text({
      default: '',
      doc: 'Origins to which links to documents lead, S3’s or the CDN’s, such as https://documents.hushryd.com: the operations page shows files from there.',
    }),
  ),
  EDGE_PAGE_ENDPOINTS: listOf(
    text({
      default: '',
      doc: 'Addresses of edges, such as http://localhost:8080,http://localhost:8081, between which the operations page chooses, those of the host that it was opened on, where each edge has a port of its own, as on a developer’s machine; EDGE_ORIGINS has them too. None where one address leads to all.',
    }),
  ),
  EDGE_TEST_ALERT_URL: optional(
    url({
      protocols: ['http:', 'https:'],
      doc: 'Where the demo raises test alerts: the operations page then has a button for it. For demonstrations only.',
    }),
  ),
  EDGE_FLEET_VIEW: oneOf(['closed', 'open'], {
    default: 'closed',
    doc: '`open` lets anyone look at all vehicles on the public map; for demonstrations only.',
  }),
  TRUSTED_PROXIES: integer({
    default: 0,
    min: 0,
    max: 10,
    doc: 'How many proxies in front of the edge append to x-forwarded-for; 0 believes only the TCP peer.',
  }),
  LOCATION_PARTITIONS: integer({
    default: PARTITIONS_DEFAULT,
    min: 1,
    max: 256,
    doc: 'Partitions of the location lane; the same on every edge and location pod. So many pods at most share the load, and each costs every edge messages of its own.',
  }),
  LANE_CHANNELS: integer({ default: 4, min: 1, max: 32, doc: 'gRPC connections that carry the lanes.' }),
  LANE_FLUSH_MS: durationMs({
    default: 10,
    min: 1,
    max: 1000,
    doc: 'The longest that a position waits for its batch to the location service.',
  }),
  REBALANCE: oneOf(['on', 'off'], {
    default: 'on',
    doc: '`off` leaves open sockets where they are, for a fleet behind a balancer that evens itself out; new ones are still spread.',
  }),
  HEARTBEAT_MS: durationMs({
    default: 30_000,
    min: 100,
    doc: 'A socket is pinged once in this time and closed after two without a sign of life.',
  }),
  CONNECTS_PER_SECOND: integer({
    default: 2_000,
    min: 1,
    doc: 'New sockets a second that this node takes; the rest is told when to come back.',
  }),
  CONNECTIONS_MAX: integer({ default: 18_000, min: 1, doc: 'Sockets that this node holds at most.' }),
  CONNECTIONS_PER_USER: integer({ default: 5, min: 1, max: 1000, doc: 'Open sockets of one person.' }),
  DRAIN_MS: durationMs({
    default: 8_000,
    max: 600_000,
    doc: 'A stopping node hands its sockets over in this time and closes those that are left; together with STOP_GRACE_MS below the orchestrator’s own limit.',
  }),
} as const

export type EdgeConfig = ConfigOf<typeof settings>

export function readConfig(env: Environment): EdgeConfig {
  return readEnv(env, settings, (config) => [
    ...checkPeerSettings(config),
    ...(config.PEER_TRUST === 'mesh' && config.EDGE_ADDR === undefined
      ? ['EDGE_ADDR is not set, and PEER_TRUST=mesh needs it']
      : []),
    ...(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(config.EDGE_ID)
      ? []
      : ['EDGE_ID is not 1 to 64 letters, digits and _ . -']),
  ])
}
