/** Pages that a workspace builds with Vite, such as the live map. */
import type { IncomingHttpHeaders } from 'node:http'
import { createStaticFiles, type Page } from './static-files.ts'

export interface Mount {
  /** Such as `/live`. */
  readonly path: string
  /** Where the build is, absolute. */
  readonly directory: string
  /** Whose build it is. */
  readonly workspace: string
  /** Where files lie that the page shows, such as documents; none where left out. */
  readonly fileOrigins?: readonly string[]
  readonly settings?: PageSettings
}

/** What a page cannot know by itself; it asks for `settings.json` beside it. */
export interface PageSettings {
  /** Edges beside the one that served the page. */
  readonly endpoints: readonly string[]
  /** Empty where there is no demo. */
  readonly testAlertUrl: string
}

/** MapLibre starts its workers from blobs and sets styles on its elements; everything else is the page's own. */
function policyOf({ fileOrigins, settings }: Mount): string {
  const files = fileOrigins ?? []
  return [
    "default-src 'self'",
    ["connect-src 'self'", ...reachedBy(settings)].join(' '),
    "worker-src 'self' blob:",
    ["child-src 'self' blob:", ...files].join(' '),
    ["img-src 'self' data: blob:", ...files].join(' '),
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** Where the page's requests and sockets go beside its own origin. */
function reachedBy(settings: PageSettings | undefined): string[] {
  if (settings === undefined) return []
  const { endpoints, testAlertUrl } = settings
  const edges = endpoints.flatMap((endpoint) => [endpoint, endpoint.replace(/^http/, 'ws')])
  return testAlertUrl === '' ? edges : [...edges, new URL(testAlertUrl).origin]
}

export interface MountedPages {
  /** Undefined for paths of none of the mounts. */
  find(path: string, headers: IncomingHttpHeaders): Promise<Page | undefined>
}

const SETTINGS_PATH = '/settings.json'

function settingsPage(settings: PageSettings): Page {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(settings),
  }
}

function notBuilt(workspace: string): Page {
  return {
    status: 404,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    body: `This page is not built yet: npm run build --workspace ${workspace}\n`,
  }
}

function notFound(): Page {
  return {
    status: 404,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    body: 'There is no such file.\n',
  }
}

/** `/live/trip/7` is the page's own business, `/live/assets/x.js` a file. */
function isView(path: string): boolean {
  return !path.slice(path.lastIndexOf('/')).includes('.')
}

export function createMountedPages(mounts: readonly Mount[]): MountedPages {
  const sources = mounts.map((mount) => ({
    mount,
    files: createStaticFiles(mount.directory),
    policy: { 'content-security-policy': policyOf(mount) },
  }))
  return {
    async find(path, headers) {
      const source = sources.find(({ mount }) => path === mount.path || path.startsWith(`${mount.path}/`))
      if (source === undefined) return undefined
      const { mount, files, policy } = source
      const inner = path.slice(mount.path.length)
      if (mount.settings !== undefined && inner === SETTINGS_PATH) return settingsPage(mount.settings)
      const page = isView(inner) ? undefined : await files.find(inner, headers, policy)
      if (page !== undefined) return page
      const index = await files.find('index.html', headers, policy)
      if (index === undefined) return notBuilt(mount.workspace)
      return isView(inner) ? index : notFound()
    },
  }
}
