/** What of apt and dpkg the installation of the sysroot uses: options, the mirror, lists of packages. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const DEFAULT_MIRROR = 'http://deb.debian.org/debian'

/** Debian's mirror as this machine's apt knows it; its lists may be empty, then the sources files say it. */
export function findMirror() {
  const isDebian = (uri) => /^https?:\/\/\S+\/debian\/?$/.test(uri)
  const targets = execFileSync(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const listed = targets.split('\n').find(isDebian)
  if (listed) return listed
  const files = ['/etc/apt/sources.list']
  const parts = '/etc/apt/sources.list.d'
  if (existsSync(parts))
    files.push(
      ...readdirSync(parts)
        .filter((name) => /\.(list|sources)$/.test(name))
        .map((name) => join(parts, name)),
    )
  for (const file of files) {
    if (!existsSync(file)) continue
    const words = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => !line.trimStart().startsWith('#'))
      .join(' ')
      .split(/\s+/)
    const uri = words.find(isDebian)
    if (uri) return uri
  }
  return DEFAULT_MIRROR
}

/** For an apt that looks at nothing but the folder `work`. */
export function aptOptions(work) {
  return [
    ...['-qq', '-o', `Dir::Etc::sourcelist=${work}/s.sources`, '-o', 'Dir::Etc::sourceparts=/dev/null'],
    ...[
      '-o',
      'Dir::Etc::preferencesparts=/dev/null',
      '-o',
      `Dir::State=${work}`,
      '-o',
      `Dir::State::lists=${work}/lists`,
    ],
    ...[
      '-o',
      'Dir::State::status=/dev/null',
      '-o',
      `Dir::Cache=${work}/cache`,
      '-o',
      'APT::Sandbox::User=',
      '-o',
      'Debug::NoLocking=1',
    ],
    ...[
      '-o',
      'Acquire::Languages=none',
      '-o',
      'Acquire::Retries=2',
      '-o',
      'Acquire::http::Timeout=30',
      '-o',
      'APT::Update::Error-Mode=any',
    ],
    ...[
      '-o',
      'APT::Get::AllowUnauthenticated=false',
      '-o',
      'Dpkg::Use-Pty=0',
      '-o',
      'APT::Install-Recommends=false',
    ],
  ]
}

/** From the output of `apt-get --print-uris`, without those that `without` names, a `*` at the end for any end. */
export function readPackages(uris, without) {
  const isLeftOut = (name) =>
    without.some((left) => (left.endsWith('*') ? name.startsWith(left.slice(0, -1)) : name === left))
  return [...uris.matchAll(/^'\S+' ([^_\s]+)_\S+ (\d+) /gm)]
    .map(([, name, bytes]) => ({ name, bytes: Number(bytes) }))
    .filter(({ name }) => !isLeftOut(name))
}

/** Names, shared out into lanes of about the same size. */
export function shareOut(wanted, count) {
  const lanes = Array.from({ length: count }, () => ({ names: [], bytes: 0 }))
  for (const { name, bytes } of wanted.toSorted((a, b) => b.bytes - a.bytes)) {
    const lane = lanes.reduce((least, other) => (other.bytes < least.bytes ? other : least))
    lane.names.push(name)
    lane.bytes += bytes
  }
  return lanes.map(({ names }) => names).filter((names) => names.length > 0)
}

/** Waits for all, so that none still writes when a failure cleans up. */
export async function inLanes(lanes, work) {
  const results = await Promise.allSettled(lanes.map(work))
  for (const { reason } of results) if (reason !== undefined) throw reason
}
