/** The browser of the page's tests: one that is named or there, else Debian's in a folder of the project's own. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Browser {
  readonly path: string
  /** Settings that it needs to run. */
  readonly env: Readonly<Record<string, string>>
}

const SYSTEM_BROWSERS = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const TRIPLETS: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

export async function findBrowser(named: string | undefined): Promise<Browser> {
  if (named) return { path: named, env: {} }
  const there = SYSTEM_BROWSERS.find((path) => existsSync(path))
  if (there !== undefined) return { path: there, env: {} }
  return describeInstalled(await install())
}

function describeInstalled(folder: string): Browser {
  const libraries = join(folder, 'usr', 'lib', TRIPLETS[process.arch] ?? '')
  return {
    path: join(folder, 'usr', 'lib', 'chromium', 'chromium-headless-shell'),
    env: {
      LD_LIBRARY_PATH: `${libraries}:${join(libraries, 'pulseaudio')}`,
      FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    },
  }
}

/** Takes as long as 170 MB take to download, the first time. Problems and progress go to stderr. */
async function install(): Promise<string> {
  const script = fileURLToPath(new URL('install-sysroot.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, 'browser'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  if (code !== 0) {
    throw new Error(
      'There is no Chromium to test the page with: see the message above, or set CHROMIUM_PATH.',
    )
  }
  return output.trim()
}
