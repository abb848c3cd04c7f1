/**
 * S3 by Ceph's radosgw on SQLite, which enforces what a presigned address
 * binds. Less than the real thing: multipart reads and CopyObject do not work,
 * a wrong declared SHA-256 is taken, and a lifecycle rule is its end.
 */
import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { askForJson } from '../json-answer.ts'
import { HOST } from '../ports.ts'
import { findLibraries, findSysroot, type Sysroot, throughLoader } from '../sysroot.ts'
import type { BucketAccess } from './bucket.ts'
import { LocalServer, type ServerOptions, type ServerSpec } from './local-server.ts'
import { prepareDatabase } from './radosgw-database.ts'

export interface RadosgwSpec extends ServerSpec {
  readonly access: BucketAccess
  /** As a service takes them; the secret key is in a file that only its owner reads. */
  readonly settings: NodeJS.ProcessEnv
}

interface Account {
  readonly userId: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Its folder among the libraries. */
const CEPH = 'ceph'
const BUCKET = 'hushryd-documents'
/** It names the file so by itself. */
const DATABASE = 'dbstore-default_ns.db'
/** This server has no regions; clients want to be told one. */
const REGION = 'us-east-1'
const ACCOUNT_TIMEOUT_MS = 30_000

function configOf(sysroot: Sysroot, dataDir: string, port: number): string {
  const settings = {
    global: {
      auth_cluster_required: 'none',
      auth_service_required: 'none',
      auth_client_required: 'none',
      run_dir: dataDir,
    },
    client: {
      rgw_data: join(dataDir, 'data'),
      dbstore_db_dir: join(dataDir, 'data'),
      dbstore_config_uri: `file:${join(dataDir, 'data', 'config.db')}`,
      rgw_backend_store: 'dbstore',
      rgw_config_store: 'dbstore',
      rgw_frontends: `beast endpoint=${HOST}:${port}`,
      // A socket's path may be too long in a deep folder, and nobody asks there.
      admin_socket: '',
      // Encryption with the client's own keys is a plugin.
      plugin_dir: join(findLibraries(sysroot), CEPH),
      log_file: '',
      log_to_stderr: 'true',
      // From 1 on there are addresses of requests, which are keys to files while they last.
      debug_rgw: '0/0',
      debug_rgw_access: '0/0',
    },
  }
  return Object.entries(settings)
    .flatMap(([section, values]) => [
      `[${section}]`,
      ...Object.entries(values).map(([name, value]) => `${name} = ${value}`),
      '',
    ])
    .join('\n')
}

/**
 * Made once by the server's own tool, which also makes the key: it is never on a command line.
 *
 * The tool says what it has stored, and is done; its end then waits for a thread
 * that, on a busy machine, sleeps an hour before it hears of it.
 */
async function findAccount(sysroot: Sysroot, dataDir: string, config: string): Promise<Account> {
  const path = join(dataDir, 'account.json')
  const kept = await readFile(path, 'utf8').catch(() => undefined)
  if (kept !== undefined) return JSON.parse(kept) as Account
  const tool = join(sysroot.folder, 'usr/bin/radosgw-admin')
  // The name is how the probe tells this server from another one that got the port first.
  const user = ['user', 'create', `--uid=hushryd-${randomUUID()}`, '--display-name=HushRyd']
  const options = ['-c', config, '--no-mon-config', '-n', 'client.admin', ...user]
  const answer = await askForJson({
    name: 'radosgw-admin, which makes the account of the local S3,',
    command: throughLoader(sysroot, tool, options, [CEPH]),
    limitMs: ACCOUNT_TIMEOUT_MS,
  })
  const { user_id, keys } = answer as AdminUser
  const [key] = keys
  if (key === undefined) throw new Error('radosgw-admin made a user without a key')
  prepareDatabase(join(dataDir, 'data', DATABASE))
  const account = { userId: user_id, accessKeyId: key.access_key, secretAccessKey: key.secret_key }
  await writeFile(`${path}.new`, JSON.stringify(account), { mode: 0o600 })
  await rename(`${path}.new`, path)
  return account
}

interface AdminUser {
  readonly user_id: string
  readonly keys: readonly { readonly access_key: string; readonly secret_key: string }[]
}

export async function describeRadosgw(dataDir: string, port: number): Promise<RadosgwSpec> {
  const sysroot = await findSysroot()
  await mkdir(join(dataDir, 'data'), { recursive: true, mode: 0o700 })
  const config = join(dataDir, 'radosgw.conf')
  await writeFile(config, configOf(sysroot, dataDir, port))
  const { userId, accessKeyId, secretAccessKey } = await findAccount(sysroot, dataDir, config)
  const secretFile = join(dataDir, 'secret-access-key')
  await writeFile(secretFile, secretAccessKey, { mode: 0o600 })
  await chmod(secretFile, 0o600)
  const url = `http://${HOST}:${port}`
  const access = { endpoint: url, region: REGION, bucket: BUCKET, accessKeyId, secretAccessKey }
  const program = join(sysroot.folder, 'usr/bin/radosgw')
  const options = ['-f', '-c', config, '-n', 'client.admin', '--no-mon-config']
  return {
    name: 's3',
    command: throughLoader(sysroot, program, options, [CEPH]),
    url,
    address: `${url} (bucket ${BUCKET})`,
    port,
    access,
    settings: {
      S3_ENDPOINT: url,
      S3_REGION: REGION,
      S3_BUCKET: BUCKET,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY_FILE: secretFile,
    },
    ready: {
      async answers(_pid, signal) {
        // The client takes a moment to load, which only those who start this server should spend.
        const { prepareBucket } = await import('./bucket.ts')
        return await prepareBucket(access, { owner: userId, signal })
      },
    },
    isNotable: (line) => / -1 /.test(line) && !/LDAP not started|received {2}signal|shutting down/.test(line),
  }
}

export async function startRadosgw(options: ServerOptions): Promise<LocalServer<RadosgwSpec>> {
  return await LocalServer.start((port) => describeRadosgw(options.dataDir, port), options)
}
