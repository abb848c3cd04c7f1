/** What the public port answers beside the contract's routes. */
import type { IncomingHttpHeaders } from 'node:http'
import type { BridgeMethod } from '../bridge/call.ts'
import { createDocsPage } from './docs-page.ts'
import { openApi } from './openapi.ts'
import { createMountedPages, type Mount } from './pages.ts'
import type { Route } from './routes.ts'
import type { Page } from './static-files.ts'

export interface SiteOptions {
  readonly methods: readonly BridgeMethod[]
  readonly routes: readonly Route[]
  readonly mounts: readonly Mount[]
}

export interface Site {
  /** For GET and HEAD; undefined where the path is none of these pages. */
  find(path: string, headers: IncomingHttpHeaders): Promise<Page | undefined>
}

export function createSite({ methods, routes, mounts }: SiteOptions): Site {
  const docs = createDocsPage()
  const pages = createMountedPages(mounts)
  let description: string | undefined

  return {
    async find(path, headers) {
      if (path === '/') {
        return { status: 307, headers: { location: '/live', 'cache-control': 'no-store' }, body: '' }
      }
      if (path === '/healthz') {
        return {
          status: 200,
          headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
          body: '{"status":"ok"}',
        }
      }
      if (path === '/openapi.json') {
        description ??= JSON.stringify(openApi(methods, routes))
        return {
          status: 200,
          headers: { 'content-type': 'application/json', 'cache-control': 'no-cache' },
          body: description,
        }
      }
      return (await docs.find(path, headers)) ?? (await pages.find(path, headers))
    },
  }
}
