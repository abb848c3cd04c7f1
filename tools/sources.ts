/** The project's own TypeScript files, as the checks and generators see them. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

export interface Import {
  readonly from: string
  /** Only types, which are gone at run time. */
  readonly isType: boolean
}

export interface Source {
  /** From the folder of the repository, with `/`. */
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
}

/** Installed, built, generated, or somebody else's. */
const LEFT_OUT = new Set(['node_modules', 'dist', 'gen', 'generated', 'third_party', '.git', '.stack'])

/** Every folder and file below the repository that is ours. */
export function walk(folder = ROOT): string[] {
  const found: string[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name)) continue
    const path = join(folder, entry.name)
    found.push(relative(ROOT, path).split(sep).join('/'))
    if (entry.isDirectory()) found.push(...walk(path))
  }
  return found.sort()
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*'([^']+)'/g

function readImports(text: string): Import[] {
  return [
    ...[...text.matchAll(STATEMENT)].map(([, type, from = '']) => ({ from, isType: type !== undefined })),
    ...[...text.matchAll(DYNAMIC)].map(([, from = '']) => ({ from, isType: false })),
  ]
}

export function readSources(): Source[] {
  return walk()
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
    .map((path) => {
      const text = readText(path)
      return { path, text, imports: readImports(text) }
    })
}

/** Without comments; texts that look like one are rare enough. */
export function codeOf(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1')
}

/** `services/directory/cache.ts` to `services/directory`; `edge/lane.ts` to `edge`. */
export function workspaceOf(path: string): string {
  const [first = '', second = ''] = path.split('/')
  return first === 'services' ? `${first}/${second}` : first
}

/** The file that an import of our own means; undefined for installed packages and Node's modules. */
export function targetOf(source: Source, from: string): string | undefined {
  if (from.startsWith('.')) {
    const path = relative(ROOT, join(ROOT, dirname(source.path), from))
    return path.split(sep).join('/')
  }
  const own = /^@hushryd\/([^/]+)(?:\/(.*))?$/.exec(from)
  if (own === null) return undefined
  const [, name = '', rest = ''] = own
  return `${WORKSPACES.get(name) ?? name}/${rest}`
}

/** Package names, without their scope, to folders. */
const WORKSPACES = new Map(
  walk()
    .filter((path) => /^(?:services\/)?[^/]+\/package\.json$/.test(path))
    .map((path) => {
      const { name } = JSON.parse(readText(path)) as { name: string }
      return [name.replace('@hushryd/', ''), dirname(path)] as const
    }),
)
