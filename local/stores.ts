/** The stores of a system: those that settings name, and a local server for each of the others. */
import { join } from 'node:path'
import type { ProcessSpec } from './child.ts'
import type { Program, SpecialStore } from './programs.ts'
import { describeClamd } from './servers/clamd.ts'
import { describeMongo } from './servers/mongo.ts'
import { describeNats } from './servers/nats.ts'
import { describeRadosgw } from './servers/radosgw.ts'
import { describeValkey } from './servers/valkey.ts'

export interface Stores {
  readonly natsUrl: string
  readonly redisUrl: string
  readonly mongoUrl: string
  readonly mongoDb: string
  /** Settings of those that only some programs have. */
  readonly special: Readonly<Record<SpecialStore, NodeJS.ProcessEnv>>
}

/** One local server each. */
export const STORE_PORTS = 5

export interface StoreOptions {
  /** Holds a folder for each local server. */
  readonly folder: string
  readonly programs: readonly Program[]
  /** `STORE_PORTS` free ones. */
  readonly ports: readonly number[]
  /** Settings of the user's own stores; what is left out is served locally. */
  readonly given?: NodeJS.ProcessEnv
  readonly mongoDb?: string
  /** Whether people stay logged in over an orderly stop. */
  readonly keepOnStop?: boolean
}

export async function describeStores(
  options: StoreOptions,
): Promise<{ readonly specs: readonly ProcessSpec[]; readonly stores: Stores }> {
  const { folder, programs, ports, given = {}, mongoDb = 'hushryd', keepOnStop = false } = options
  const [natsPort = 0, redisPort = 0, mongoPort = 0, s3Port = 0, clamdPort = 0] = ports
  const isLocal = (setting: string, store?: SpecialStore): boolean =>
    !given[setting] && (store === undefined || programs.some(({ stores }) => stores?.includes(store)))
  const [nats, redis, mongo, s3, clamd] = await Promise.all([
    isLocal('NATS_URL') ? describeNats(join(folder, 'nats'), natsPort) : undefined,
    isLocal('REDIS_URL')
      ? describeValkey({ dataDir: join(folder, 'valkey'), keepOnStop }, redisPort)
      : undefined,
    isLocal('MONGO_URL') ? describeMongo(join(folder, 'mongo'), mongoPort) : undefined,
    isLocal('S3_ENDPOINT', 's3') ? describeRadosgw(join(folder, 's3'), s3Port) : undefined,
    isLocal('CLAMD_URL', 'clamd') ? describeClamd(join(folder, 'clamd'), clamdPort) : undefined,
  ])
  return {
    specs: [nats, redis, mongo, s3, clamd].filter((spec) => spec !== undefined),
    stores: {
      natsUrl: nats?.url ?? given.NATS_URL ?? '',
      redisUrl: redis?.url ?? given.REDIS_URL ?? '',
      mongoUrl: mongo?.url ?? given.MONGO_URL ?? '',
      mongoDb,
      special: {
        s3: s3?.settings ?? { S3_ENDPOINT: given.S3_ENDPOINT },
        clamd: { CLAMD_URL: clamd?.url ?? given.CLAMD_URL },
      },
    },
  }
}
