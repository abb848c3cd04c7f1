/** What docs/STYLE.md says and a machine can hold. Each failure lists every place. */
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { codeOf, ROOT, readSources, readText, type Source, targetOf, walk, workspaceOf } from './sources.ts'

const SOURCES = readSources()
const BY_PATH = new Map(SOURCES.map((source) => [source.path, source]))
const PATHS = walk()
const SERVICES = [...new Set(PATHS.map(workspaceOf))].filter((path) => /^services\/./.test(path))
/** Those that run in production: the rest tests, measures or shows them. */
const PROCESSES = ['kernel', 'edge', ...SERVICES]

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/')
}

/** What a file may import of ours, beside its own workspace. */
function mayImport(path: string): readonly string[] {
  const workspace = workspaceOf(path)
  if (workspace === 'kernel') return ['gen']
  if (workspace === 'edge' || SERVICES.includes(workspace)) {
    // The provider sandbox, against which services are tested.
    return isTest(path) ? ['gen', 'kernel', 'local'] : ['gen', 'kernel']
  }
  if (workspace === 'sdk') return ['gen', 'sdk']
  // The operations room's map is the live page's, with more on it.
  if (workspace === 'admin') return ['gen', 'sdk', 'live']
  // The map's roads are drawn from the demo's rides when the page is built.
  if (workspace === 'live') return ['gen', 'sdk', 'local']
  if (workspace === 'local') return ['gen', 'kernel', 'sdk']
  // A bench holds the very shapes and queues that it compares with; only tests of the whole system use it.
  if (workspace === 'bench') return ['gen', 'kernel', 'sdk', 'local', 'edge', ...SERVICES]
  return ['gen', 'kernel', 'sdk', 'local', 'bench']
}

/** The aids of a workspace's own tests also serve those of the whole system. */
function isTestAid(source: Source, target: string): boolean {
  return ['system-tests', 'bench'].includes(workspaceOf(source.path)) && target.includes('/testing/')
}

test('imports go down only: services and the edge share the contract and the kernel, never each other', () => {
  const wrong = SOURCES.filter(({ path }) => workspaceOf(path) !== 'tools').flatMap((source) => {
    const own = workspaceOf(source.path)
    return source.imports.flatMap(({ from }) => {
      const target = targetOf(source, from)
      if (target === undefined) return []
      const other = workspaceOf(target)
      const isAllowed = other === own || mayImport(source.path).includes(other) || isTestAid(source, target)
      return isAllowed ? [] : [`${source.path} imports ${from}`]
    })
  })
  expect(wrong).toEqual([])
})

test('a workspace is entered by its package name, not by a path that climbs out of another', () => {
  const production = SOURCES.filter(({ path }) => PROCESSES.includes(workspaceOf(path)) && !isTest(path))
  const wrong = production.flatMap((source) =>
    source.imports
      .filter(({ from }) => from.startsWith('.'))
      .filter(({ from }) => workspaceOf(targetOf(source, from) ?? '') !== workspaceOf(source.path))
      .map(({ from }) => `${source.path} imports ${from}`),
  )
  expect(wrong).toEqual([])
})

/** Beside other pure files: what computes and neither waits nor looks around. */
const PURE_IMPORTS =
  /^(?:gen\/|kernel\/(?:error|error-table|partition)\.ts$|node:(?:crypto|util|buffer)$|libphonenumber-js)/
const CLOCK_OR_CHANCE = /\b(?:Date\.now|performance\.now|Math\.random|setTimeout|setInterval|setImmediate)\(/

function isPure({ path, text }: Source): boolean {
  const [opening = ''] = /^\/\*\*[\s\S]*?\*\//.exec(text) ?? []
  return !isTest(path) && /^ \* Pure\b/m.test(opening)
}

/** Whatever a file needs at run time, however far away, with the file that needs it. */
function needsOf(source: Source, seen = new Map<string, string>()): Map<string, string> {
  for (const { from, isType } of source.imports) {
    if (isType) continue
    const target = targetOf(source, from) ?? from
    if (seen.has(target)) continue
    seen.set(target, source.path)
    const next = BY_PATH.get(target)
    if (next !== undefined && !PURE_IMPORTS.test(target)) needsOf(next, seen)
  }
  return seen
}

test('files that call themselves pure reach no store, no network, no clock and no chance', () => {
  const pure = SOURCES.filter(isPure)
  expect(pure.length).toBeGreaterThan(0)
  const wrong = pure.flatMap((source) => [
    ...[...needsOf(source)]
      .filter(([target]) => !PURE_IMPORTS.test(target) && !BY_PATH.has(target))
      .map(([target, by]) => `${source.path} reaches ${target} through ${by}`),
    ...(CLOCK_OR_CHANCE.test(codeOf(source.text)) ? [`${source.path} asks a clock or chance`] : []),
  ])
  expect(wrong).toEqual([])
})

test('the environment is read by kernel/config.ts, and handed on only to config.ts files and starts', () => {
  const inProcesses = SOURCES.filter(({ path }) => PROCESSES.includes(workspaceOf(path)) && !isTest(path))
  const readers = inProcesses.filter(({ text }) => /\bprocess\.env\b/.test(codeOf(text)))
  expect(readers.map(({ path }) => path)).toEqual(['kernel/config.ts'])
  const users = inProcesses.filter(({ text }) => /import [^;]*?\benvironment\b[^;]*? from/.test(codeOf(text)))
  const wrong = users.filter(({ path }) => !/(?:^|\/|-)(?:config|main|lifecycle)\.ts$/.test(path))
  expect(wrong.map(({ path }) => path)).toEqual([])
})

const BANNED_FOLDERS = /^(?:utils?|common|types|helpers?|lib|misc|shared)$/
const BANNED_WORDS = /(?:^|-)(?:manager|helpers?|utils?|impl|misc)(?:-|\.|$)|^base\./
const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*$/

test('names of folders and files say what is in them, in kebab case', () => {
  const code = PATHS.filter((path) => /\.(?:tsx?|mjs|css)$/.test(path))
  const folders = new Set(code.map((path) => dirname(path)).filter((path) => path !== '.'))
  const wrong = [
    ...[...folders].filter((path) => path.split('/').some((part) => BANNED_FOLDERS.test(part))),
    ...[...folders].filter(
      (path) => PROCESSES.includes(workspaceOf(path)) && path.split('/').includes('src'),
    ),
    ...code.filter((path) => BANNED_WORDS.test(basename(path)) || !KEBAB.test(basename(path))),
  ]
  expect(wrong).toEqual([])
})

test('no file only hands on what others export', () => {
  const barrels = SOURCES.filter(({ path, text }) => {
    const code = codeOf(text).trim()
    const exported = /^export\s+(?:\*|\{)[^'"]*?from\s+'[^']+'/gm
    return code !== '' && code.replaceAll(exported, '').replaceAll(/[\s;]/g, '') === '' && !isSdkEntry(path)
  })
  expect(barrels.map(({ path }) => path)).toEqual([])
})

/** A published package has one door. */
function isSdkEntry(path: string): boolean {
  return /^sdk\/[^/]+\.ts$/.test(path)
}

const LINES_MAX = 400
/** One test file a service reads better than its pieces. */
const LINES_MAX_TEST = 800

test('no file is longer than one sitting', () => {
  const long = SOURCES.map(({ path, text }) => ({ path, lines: text.split('\n').length })).filter(
    ({ path, lines }) => lines > (isTest(path) ? LINES_MAX_TEST : LINES_MAX),
  )
  expect(long).toEqual([])
})

test('every service says what it promises, and its start is short', () => {
  const missing = [...SERVICES, 'edge']
    .filter((service) => existsSync(join(ROOT, service, 'main.ts')))
    .flatMap((service) => {
      const lines = readText(`${service}/main.ts`).split('\n').length
      return [
        ...(existsSync(join(ROOT, service, 'README.md')) ? [] : [`${service} has no README.md`]),
        ...(lines < 30 ? [] : [`${service}/main.ts has ${lines} lines`]),
      ]
    })
  expect(missing).toEqual([])
})

test('no test is skipped or runs alone', () => {
  const wrong = SOURCES.filter(({ path }) => path.endsWith('.test.ts') && path !== 'tools/tidy.test.ts')
  const found = wrong.filter(({ text }) =>
    /\b(?:test|it|describe)\.(?:skip|only|todo|fails)\b/.test(codeOf(text)),
  )
  expect(found.map(({ path }) => path)).toEqual([])
})

test('metrics are made from exported constants, so that docs/METRICS.md knows all of them', () => {
  const wrong = SOURCES.filter(({ path }) => PROCESSES.includes(workspaceOf(path)) && !isTest(path)).filter(
    ({ path, text }) =>
      path !== 'kernel/metrics.ts' &&
      (/\.(?:counter|gauge|histogram)\(\{/.test(text) || /^const \w+ = \{\s*name: 'hushryd_/m.test(text)),
  )
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test('nothing names a path of the machine that it was written on', () => {
  const files = PATHS.filter((path) => /\.(?:tsx?|m?js|json|md|ya?ml|proto|html|css|sh)$/.test(path))
  const wrong = files.filter((path) => /(?:^|[\s'"`(=])\/(?:work|home|Users|root)\/\w/m.test(readText(path)))
  expect(wrong).toEqual([])
})
