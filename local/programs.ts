/**
 * The programs of the system: one row each, in the order in which they start.
 *
 * A new service is a row here, and nothing else: its ports, their settings,
 * its address in everyone's environment (`NAME_ADDR`), its secrets, its place
 * in the status table and in the systems that tests start follow from it.
 */

import { fileURLToPath } from 'node:url'
import { readSandboxKeys } from './sandbox/keys.ts'
import { maskcallEnv, notifyEnv } from './sandbox/service-env.ts'

/**
 * `keyRing`: one `k1:BASE64-OF-32-BYTES` line. `token`: 43 random characters.
 * `providerKeys`: what the provider sandbox gives its customer, in JSON.
 */
export type SecretKind = 'keyRing' | 'token' | 'providerKeys'

/** Stores that only some programs have, beside NATS, Redis and MongoDB, which all have: S3, the virus scanner. */
export type SpecialStore = 's3' | 'clamd'

export interface Ports {
  /** Web pages, REST, WebSocket. */
  readonly http?: number
  readonly grpc?: number
  /** /metrics, /healthz and /readyz. */
  readonly ops?: number
}

export interface ProgramContext {
  /** The process's name, such as `edge-1`. */
  readonly name: string
  readonly ports: Ports
  /** Settings that the user or the test gave. */
  readonly given: NodeJS.ProcessEnv
  /** Whether the program is part of this system: the demo may be left out. */
  has(program: string): boolean
  /** `host:port` of every copy of a program that speaks gRPC. */
  grpcOf(program: string): readonly string[]
  /** `http://host:port` of every copy of a program that speaks HTTP. */
  httpOf(program: string): readonly string[]
  /** The value of a secret that some program names. */
  secretOf(setting: string): string
  /** Settings of a store that only some programs have. */
  storeOf(store: SpecialStore): NodeJS.ProcessEnv
}

export interface Program {
  readonly name: string
  /** From the folder of the repository. */
  readonly script: string
  /** How many `npm start` runs, which then have a number in their names; else there is one without. */
  readonly copies?: number
  /**
   * Under `npm start`, of the first copy; the next has the next. Settings move
   * them: NAME_PORT, NAME_GRPC_PORT, NAME_OPS_PORT. Next to a gRPC port the
   * operations port is 2000 above.
   */
  readonly ports: Ports
  /** Programs whose copies are ready before it starts, and end after it. Its stores are so, too. */
  readonly dependsOn?: readonly string[]
  readonly stores?: readonly SpecialStore[]
  /** Its own settings, beside those that all have. */
  readonly env?: (context: ProgramContext) => NodeJS.ProcessEnv
  /** Settings whose values are made once and given as files, by NAME_FILE. Programs that name the same one share it. */
  readonly secrets?: Readonly<Record<string, SecretKind>>
  /** Priority from 0 to 19; higher gives way to the processes that people wait for. */
  readonly nice?: number
  /** What it prints once it works, for a program that has no port to ask. */
  readonly readyLine?: string
  /** For the status table, where there is no port to show. */
  readonly about?: string
}

export const DEMO = 'demo'

/** A browser calls `localhost` and `127.0.0.1` two origins. */
function byBothNames(urls: readonly string[]): string {
  return urls.flatMap((url) => [url, url.replace('127.0.0.1', 'localhost')]).join(',')
}

const ON_CALL_FILE = fileURLToPath(new URL('sandbox/on-call.json', import.meta.url))

export const PROGRAMS: readonly Program[] = [
  {
    name: 'directory',
    script: 'services/directory/main.ts',
    ports: { grpc: 7006 },
    secrets: { DIRECTORY_KEYS: 'keyRing' },
  },
  {
    name: 'location',
    script: 'services/location/main.ts',
    ports: { grpc: 7001 },
    dependsOn: ['directory'],
  },
  {
    name: 'location-history',
    script: 'services/location/history-main.ts',
    ports: { ops: 9021 },
    nice: 10,
  },
  {
    name: 'sandbox',
    script: 'local/sandbox/main.ts',
    ports: { http: 8090 },
    secrets: { SANDBOX_KEYS: 'providerKeys' },
    env: ({ httpOf }) => ({ SANDBOX_WEBHOOK_URL: httpOf('edge')[0] }),
  },
  {
    name: 'notify',
    script: 'services/notify/main.ts',
    ports: { grpc: 7003 },
    dependsOn: ['directory', 'sandbox'],
    secrets: { NOTIFY_KEYS: 'keyRing' },
    env: ({ given, httpOf, secretOf }) => ({
      // People on duty who exist in the sandbox alone, so that escalations are seen there.
      NOTIFY_ON_CALL_FILE: given.NOTIFY_ON_CALL_FILE ?? ON_CALL_FILE,
      ...notifyEnv({
        keys: readSandboxKeys(secretOf('SANDBOX_KEYS')),
        sandboxUrl: httpOf('sandbox')[0] ?? '',
        publicUrl: given.PUBLIC_URL ?? httpOf('edge')[0] ?? '',
        given,
      }),
    }),
  },
  {
    name: 'sos',
    script: 'services/sos/main.ts',
    ports: { grpc: 7002 },
    dependsOn: ['directory', 'location', 'notify'],
    secrets: { SOS_KEYS: 'keyRing', NOTIFY_KEYS: 'keyRing' },
    env: ({ given, httpOf }) => ({ PUBLIC_URL: given.PUBLIC_URL ?? httpOf('edge')[0] }),
  },
  {
    name: 'maskcall',
    script: 'services/maskcall/main.ts',
    ports: { grpc: 7004 },
    dependsOn: ['directory', 'sandbox'],
    secrets: { MASKCALL_KEYS: 'keyRing' },
    env: ({ given, httpOf, secretOf }) =>
      maskcallEnv({
        keys: readSandboxKeys(secretOf('SANDBOX_KEYS')),
        sandboxUrl: httpOf('sandbox')[0] ?? '',
        // The sandbox signs the address that it posts to; a real Twilio the one that it was given.
        publicUrl: (given.TWILIO_ACCOUNT_SID ? given.PUBLIC_URL : undefined) ?? httpOf('edge')[0] ?? '',
        given,
      }),
  },
  {
    name: 'admin',
    script: 'services/admin/main.ts',
    ports: { grpc: 7007 },
  },
  {
    name: 'docs',
    script: 'services/docs/main.ts',
    ports: { grpc: 7005 },
    dependsOn: ['notify'],
    stores: ['s3', 'clamd'],
    secrets: { DOCS_KEYS: 'keyRing' },
    // Images are decoded in threads, for each of which glibc by itself keeps memory of its own;
    // and where there is much memory, Node lets a flood's garbage lie.
    env: ({ given }) => ({
      MALLOC_ARENA_MAX: '2',
      NODE_OPTIONS: [given.NODE_OPTIONS, '--max-semi-space-size=8 --max-old-space-size=256'].join(' ').trim(),
    }),
  },
  {
    name: 'edge',
    script: 'edge/main.ts',
    copies: 2,
    ports: { http: 8080, grpc: 7010 },
    dependsOn: ['directory', 'location'],
    env: ({ name, ports, given, has, grpcOf, httpOf, storeOf }) => ({
      EDGE_ID: name,
      EDGE_DOCUMENT_ORIGINS: given.EDGE_DOCUMENT_ORIGINS ?? storeOf('s3').S3_ENDPOINT,
      PUBLIC_URL: given.PUBLIC_URL ?? `http://localhost:${ports.http}`,
      // The map of everything is what a newcomer sees first; on a developer's machine it shows nobody real.
      EDGE_FLEET_VIEW: given.EDGE_FLEET_VIEW ?? 'open',
      LOCATION_ADDR: grpcOf('location').join(','),
      // Here each edge has an address of its own, by either name of this machine.
      EDGE_PAGE_ENDPOINTS: given.EDGE_PAGE_ENDPOINTS ?? byBothNames(httpOf('edge')),
      EDGE_ORIGINS: given.EDGE_ORIGINS ?? byBothNames(httpOf('edge')),
      EDGE_TEST_ALERT_URL: given.EDGE_TEST_ALERT_URL ?? (has(DEMO) ? `${httpOf(DEMO)[0]}/alert` : undefined),
      // Each asks its own services: an edge that is away takes no other's with it.
      EDGE_ADDR: undefined,
    }),
  },
  {
    name: DEMO,
    script: 'local/demo/main.ts',
    ports: { http: 8091 },
    dependsOn: ['edge'],
    env: ({ httpOf }) => ({ EDGE_URLS: httpOf('edge').join(',') }),
    nice: 10,
    readyLine: 'replaying',
    about: 'drivers and riders over WebSockets',
  },
]
