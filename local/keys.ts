/** Keys of the local stack: made once, kept readable for their owner alone, replaced by settings. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SystemKeys } from './processes.ts'

/** The service key is what the local stack prints and people paste: the prefix says what it is. */
const SERVICE_KEY_PREFIX = 'hrsk_'

async function keep(path: string, make: () => string): Promise<string> {
  try {
    await writeFile(path, make(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return (await readFile(path, 'utf8')).trim()
}

export async function readKeys(
  folder: string,
  given: {
    serviceKey?: string | undefined
    peerKey?: string | undefined
    directoryKeysFile?: string | undefined
  } = {},
): Promise<SystemKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const secret = () => randomBytes(32).toString('base64url')
  const directoryKeysFile = given.directoryKeysFile ?? join(folder, 'directory-keys')
  if (given.directoryKeysFile === undefined) {
    await keep(directoryKeysFile, () => `k1:${randomBytes(32).toString('base64')}\n`)
  }
  return {
    serviceKey:
      given.serviceKey ??
      (await keep(join(folder, 'service-key'), () => `${SERVICE_KEY_PREFIX}${secret()}\n`)),
    peerKey: given.peerKey ?? (await keep(join(folder, 'peer-key'), () => `${secret()}\n`)),
    directoryKeysFile,
  }
}
