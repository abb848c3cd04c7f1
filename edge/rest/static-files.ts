/** Files of a folder that the build made: held in memory, so that a thousand slow readers share one copy. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

export interface Page {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: string | Uint8Array
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.geojson': 'application/geo+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.pbf': 'application/x-protobuf',
  '.txt': 'text/plain; charset=utf-8',
}
const COMPRESSED = new Set(['.html', '.js', '.mjs', '.css', '.json', '.geojson', '.svg'])
/** Vite's names of files that never change. */
const HASHED = /-[A-Za-z0-9_-]{8}\.[a-z0-9]+$/
const FOREVER = 'public, max-age=31536000, immutable'

interface HeldFile {
  readonly mtimeMs: number
  readonly type: string
  readonly etag: string
  readonly plain: Buffer
  readonly zipped: Buffer | undefined
}

const zip = promisify(gzip)

/** Undefined for what could lead out of the folder, and for hidden files. */
export function safePath(path: string): string | undefined {
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return undefined
  }
  const segments = decoded.split('/').filter((segment) => segment !== '')
  const isSafe = segments.every((segment) => !segment.startsWith('.') && !/[\\\0:]/.test(segment))
  return isSafe ? segments.join('/') : undefined
}

export interface StaticFiles {
  /** Undefined where there is no such file. `headers` are the file's own beside those of its type. */
  find(path: string, request: IncomingHttpHeaders, headers: OutgoingHttpHeaders): Promise<Page | undefined>
}

export function createStaticFiles(directory: string): StaticFiles {
  const held = new Map<string, HeldFile>()

  async function load(path: string): Promise<HeldFile | undefined> {
    const file = join(directory, path)
    const facts = await stat(file).catch(() => undefined)
    if (facts === undefined || !facts.isFile()) return undefined
    const known = held.get(path)
    if (known?.mtimeMs === facts.mtimeMs) return known
    const plain = await readFile(file)
    const extension = extname(path)
    const loaded = {
      mtimeMs: facts.mtimeMs,
      type: TYPES[extension] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
      plain,
      zipped: COMPRESSED.has(extension) ? await zip(plain) : undefined,
    }
    held.set(path, loaded)
    return loaded
  }

  return {
    async find(path, request, own) {
      const safe = safePath(path)
      const file = safe === undefined ? undefined : await load(safe)
      if (file === undefined) return undefined
      const headers = {
        'content-type': file.type,
        'cache-control': HASHED.test(path) ? FOREVER : 'no-cache',
        etag: file.etag,
        vary: 'Origin, Accept-Encoding',
        ...own,
      }
      if (request['if-none-match'] === file.etag) return { status: 304, headers, body: '' }
      const takesZip = /\bgzip\b/.test(String(request['accept-encoding'] ?? ''))
      return takesZip && file.zipped !== undefined
        ? { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: file.zipped }
        : { status: 200, headers, body: file.plain }
    },
  }
}
