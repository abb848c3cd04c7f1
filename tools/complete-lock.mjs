/**
 * Adds to package-lock.json the platform packages that its makers' registry
 * did not carry, run after `npm install` (`node tools/complete-lock.mjs`).
 *
 * A registry mirror may lack packages for other machines (biome for macOS, for
 * instance). npm then leaves them out of the lock file without a word, and
 * `npm ci` refuses that lock file everywhere. The entries say version and
 * machine, so that `npm ci` passes here and fetches them where they fit.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LOCK = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json')
const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'win32']
const PROCESSORS = { aarch64: 'arm64', arm64: 'arm64', arm: 'arm', armv7: 'arm', x64: 'x64' }

const lock = JSON.parse(readFileSync(LOCK, 'utf8'))
const added = []

for (const { optionalDependencies = {}, dev } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const path = `node_modules/${name}`
    if (lock.packages[path] !== undefined) continue
    const words = name.split(/[-/]/)
    const os = words.find((word) => SYSTEMS.includes(word))
    const cpu = PROCESSORS[words.find((word) => word in PROCESSORS)]
    if (os === undefined || cpu === undefined)
      throw new Error(`${name} names no machine that this script knows`)
    const libc = words.includes('musl') ? { libc: ['musl'] } : {}
    lock.packages[path] = { version, cpu: [cpu], ...(dev ? { dev } : {}), ...libc, optional: true, os: [os] }
    added.push(name)
  }
}

if (added.length > 0) {
  const [root, ...rest] = Object.entries(lock.packages)
  const byName = ([a], [b]) => (a < b ? -1 : 1)
  lock.packages = Object.fromEntries([root, ...rest.sort(byName)])
  writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`)
}
console.log(added.length > 0 ? `added ${added.join(', ')}` : 'the lock file is complete')
