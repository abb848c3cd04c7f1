/**
 * ClamAV's scanner, with a signature file of one line: the EICAR test file,
 * wherever it lies in what is scanned. So it finds what tests hide and no real
 * virus; a clamd whose signatures freshclam keeps takes its place by CLAMD_URL.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HOST } from '../ports.ts'
import { findSysroot, throughLoader } from '../sysroot.ts'
import { LocalServer, type ServerOptions, type ServerSpec } from './local-server.ts'

/** In hexadecimal, so that scanners of a developer's machine let this file be. */
const EICAR_HEX =
  '58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e444152442d414e544956495255532d544553542d46494c452124482b482a'
/** Name, any type of file, anywhere in it, bytes. */
const SIGNATURE = `Eicar-Test-Signature:0:*:${EICAR_HEX}\n`

export async function describeClamd(dataDir: string, port: number): Promise<ServerSpec> {
  const sysroot = await findSysroot()
  const signatures = join(dataDir, 'signatures')
  const temporary = join(dataDir, 'tmp')
  for (const folder of [signatures, temporary]) await mkdir(folder, { recursive: true })
  await writeFile(join(signatures, 'eicar.ndb'), SIGNATURE)
  const config = join(dataDir, 'clamd.conf')
  await writeFile(
    config,
    [
      'Foreground yes',
      `TCPAddr ${HOST}`,
      `TCPSocket ${port}`,
      `DatabaseDirectory "${signatures}"`,
      `TemporaryDirectory "${temporary}"`,
      'StreamMaxLength 64M',
      // Decodes every image to compare it with pictures of which there are none here: two thirds of a scan.
      'ScanImageFuzzyHash no',
      'MaxThreads 4',
      // What is too deep to be scanned whole is not called clean.
      'AlertExceedsMax yes',
      '',
    ].join('\n'),
  )
  const url = `tcp://${HOST}:${port}`
  return {
    name: 'clamd',
    command: throughLoader(sysroot, join(sysroot.folder, 'usr/sbin/clamd'), ['--config-file', config]),
    url,
    address: url,
    port,
    // The first thing that it says after the port has become its own, which no stranger can do.
    ready: { line: 'Self checking every' },
    isNotable: (line) => /^(ERROR|WARNING)/.test(line),
  }
}

export async function startClamd(options: ServerOptions): Promise<LocalServer> {
  return await LocalServer.start((port) => describeClamd(options.dataDir, port), options)
}
