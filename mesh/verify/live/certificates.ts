/** Certificates as the mesh's authority would issue them: one SPIFFE id each. By Istio's own tool. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TRUST_DOMAIN } from '../../members.ts'
import { run } from '../toolchain.ts'

export interface Certificate {
  readonly certificate: string
  readonly key: string
  readonly root: string
}

export interface Authority {
  readonly root: string
  /** For a service account. */
  issue(account: string, namespace: string): Promise<Certificate>
  /** For a name that browsers check. */
  issuePublic(host: string): Promise<Certificate>
}

export async function createAuthority(tool: string, folder: string): Promise<Authority> {
  await mkdir(folder, { recursive: true })
  const root = join(folder, 'root-cert.pem')
  const rootKey = join(folder, 'root-key.pem')
  const curve = ['-ec-sig-alg', 'ECDSA'] as const
  await run('the authority of the mesh', [
    tool,
    '-ca',
    ...curve,
    '-organization',
    'HushRyd mesh verification',
    '-out-cert',
    root,
    '-out-priv',
    rootKey,
  ])

  async function issue(name: string, host: string): Promise<Certificate> {
    const certificate = join(folder, `${name}-cert.pem`)
    const key = join(folder, `${name}-key.pem`)
    await run(`the certificate of ${name}`, [
      tool,
      '-mode',
      'signer',
      '-client',
      '-server',
      ...curve,
      '-signer-cert',
      root,
      '-signer-priv',
      rootKey,
      '-host',
      host,
      '-out-cert',
      certificate,
      '-out-priv',
      key,
    ])
    return { certificate, key, root }
  }

  return {
    root,
    issue: (account, namespace) =>
      issue(`${namespace}-${account}`, `spiffe://${TRUST_DOMAIN}/ns/${namespace}/sa/${account}`),
    issuePublic: (host) => issue(`public-${host}`, host),
  }
}
