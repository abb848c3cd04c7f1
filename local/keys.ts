/** Keys of the local stack: made once, kept readable for their owner alone, replaced by settings. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Program, SecretKind } from './programs.ts'
import { makeSandboxKeys } from './sandbox/keys.ts'

export interface SystemKeys {
  readonly serviceKey: string
  readonly peerKey: string
  /** Settings that name the files of a program's secrets. */
  filesOf(program: Program): NodeJS.ProcessEnv
  /** The value of a secret, made or given. */
  valueOf(setting: string): string
}

/** The service key is what the local stack prints and people paste: the prefix says what it is. */
const SERVICE_KEY_PREFIX = 'hrsk_'

const MAKERS: Readonly<Record<SecretKind, () => string>> = {
  keyRing: () => `k1:${randomBytes(32).toString('base64')}\n`,
  token: () => `${randomBytes(32).toString('base64url')}\n`,
  providerKeys: () => `${JSON.stringify(makeSandboxKeys())}\n`,
}

async function keep(path: string, make: () => string): Promise<string> {
  try {
    await writeFile(path, make(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return (await readFile(path, 'utf8')).trim()
}

/** `DIRECTORY_KEYS` to `directory-keys`. */
function fileName(setting: string): string {
  return setting.toLowerCase().replaceAll('_', '-')
}

/** What `given` names, by value or by file, is taken from there. */
export async function readKeys(
  folder: string,
  programs: readonly Program[],
  given: NodeJS.ProcessEnv,
): Promise<SystemKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = new Map<string, string>()
  for (const [setting, kind] of programs.flatMap(({ secrets = {} }) => Object.entries(secrets))) {
    if (given[setting] || given[`${setting}_FILE`]) continue
    const path = join(folder, fileName(setting))
    await keep(path, MAKERS[kind])
    files.set(setting, path)
  }
  const serviceKey = () => SERVICE_KEY_PREFIX + MAKERS.token()
  return {
    serviceKey: given.HUSHRYD_SERVICE_KEY || (await keep(join(folder, 'service-key'), serviceKey)),
    peerKey: given.HUSHRYD_PEER_KEY || (await keep(join(folder, 'peer-key'), MAKERS.token)),
    filesOf({ secrets = {} }) {
      const env: NodeJS.ProcessEnv = {}
      for (const setting of Object.keys(secrets)) {
        const path = files.get(setting)
        if (path !== undefined) env[`${setting}_FILE`] = path
      }
      return env
    },
    valueOf(setting) {
      const path = given[`${setting}_FILE`] || files.get(setting)
      const value = given[setting] || (path === undefined ? undefined : readFileSync(path, 'utf8').trim())
      if (value === undefined) throw new Error(`no program has the secret ${setting}`)
      return value
    },
  }
}
