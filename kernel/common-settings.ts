/** Settings that several processes have, in groups: each service spreads those that it needs. */
import { durationMs, hostPort, integer, oneOf, optional, secret, text, url } from './config.ts'

export const processSettings = {
  HOST: text({ default: '127.0.0.1', doc: 'Address to listen on; 0.0.0.0 in a container.' }),
  LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error'], {
    default: 'info',
    doc: 'Least severe log record written.',
  }),
  STOP_GRACE_MS: durationMs({
    default: 10_000,
    doc: 'How long calls under way may take to finish after SIGTERM; below the orchestrator’s own limit.',
  }),
} as const

/** The operations port is the gRPC port + 2000 by convention. */
export function portSettings(port: number) {
  return {
    PORT: integer({ default: port, min: 0, max: 65_535, doc: 'gRPC port; 0 picks a free one.' }),
    OPS_PORT: integer({
      default: port + 2000,
      min: 0,
      max: 65_535,
      doc: 'HTTP port of /metrics, /healthz and /readyz; 0 picks a free one.',
    }),
  } as const
}

export const peerSettings = {
  PEER_TRUST: oneOf(['mesh', 'key'], {
    default: 'key',
    doc: 'How other processes are recognised: `mesh` by the SPIFFE id that Envoy attaches, `key` by the shared keys below. `mesh` only where a sidecar terminates every connection.',
  }),
  HUSHRYD_PEER_KEY: optional(
    secret({ doc: 'Shared by HushRyd’s own processes; needed with PEER_TRUST=key.' }),
  ),
  HUSHRYD_SERVICE_KEY: optional(
    secret({
      doc: 'Key of HushRyd’s own backend, as `authorization: Bearer`; without it the backend has no access by key.',
    }),
  ),
  BACKEND_ACCOUNT: text({
    default: 'hushryd-backend',
    doc: 'With PEER_TRUST=mesh, the service account of HushRyd’s own backend.',
  }),
  MESH_TRUST_DOMAIN: text({
    default: 'cluster.local',
    doc: 'With PEER_TRUST=mesh, the only SPIFFE trust domain that is believed.',
  }),
} as const

/** For the `check` of readEnv: what PEER_TRUST needs beyond the single settings. */
export function checkPeerSettings(config: {
  readonly PEER_TRUST: 'mesh' | 'key'
  readonly HUSHRYD_PEER_KEY: string | undefined
}): readonly string[] {
  return config.PEER_TRUST === 'key' && config.HUSHRYD_PEER_KEY === undefined
    ? ['HUSHRYD_PEER_KEY is not set, and PEER_TRUST=key needs it']
    : []
}

export const natsSettings = {
  NATS_URL: url({ protocols: ['nats:', 'tls:', 'ws:', 'wss:'], doc: 'NATS; several servers after a comma.' }),
} as const

export const redisSettings = {
  REDIS_URL: url({ protocols: ['redis:', 'rediss:'], doc: 'Redis or Valkey.' }),
  REDIS_COMMAND_TIMEOUT_MS: durationMs({
    default: 500,
    min: 1,
    doc: 'A Redis command that takes longer has failed.',
  }),
} as const

export const mongoSettings = {
  MONGO_URL: url({ protocols: ['mongodb:', 'mongodb+srv:'], doc: 'MongoDB.' }),
  MONGO_DB: text({ default: 'hushryd', doc: 'Name of the database.' }),
  MONGO_POOL_MAX: integer({ default: 50, min: 1, max: 1000, doc: 'Most connections to MongoDB.' }),
} as const

export const addressSettings = {
  LOCATION_ADDR: hostPort({ default: '127.0.0.1:7001', doc: 'gRPC address of the location service.' }),
  SOS_ADDR: hostPort({ default: '127.0.0.1:7002', doc: 'gRPC address of the sos service.' }),
  NOTIFY_ADDR: hostPort({ default: '127.0.0.1:7003', doc: 'gRPC address of the notify service.' }),
  MASKCALL_ADDR: hostPort({ default: '127.0.0.1:7004', doc: 'gRPC address of the maskcall service.' }),
  DOCS_ADDR: hostPort({ default: '127.0.0.1:7005', doc: 'gRPC address of the docs service.' }),
  DIRECTORY_ADDR: hostPort({ default: '127.0.0.1:7006', doc: 'gRPC address of the directory service.' }),
  ADMIN_ADDR: hostPort({ default: '127.0.0.1:7007', doc: 'gRPC address of the admin service.' }),
} as const

/** What a process with all three stores has. */
export const commonSettings = {
  ...processSettings,
  ...peerSettings,
  ...natsSettings,
  ...redisSettings,
  ...mongoSettings,
} as const
