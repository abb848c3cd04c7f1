/** `/docs`: swagger-ui out of node_modules, so that it works without internet. */

import type { IncomingHttpHeaders } from 'node:http'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { createStaticFiles, type Page } from './static-files.ts'

const FILES = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'])

/** swagger-ui sets styles on its elements and has its pictures in the style sheet. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HushRyd API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null, tryItOutEnabled: true })
`

export interface DocsPage {
  /** Undefined for other paths. */
  find(path: string, headers: IncomingHttpHeaders): Promise<Page | undefined>
}

export function createDocsPage(): DocsPage {
  const directory = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const files = createStaticFiles(directory)
  const headers = { 'content-security-policy': DOCS_POLICY, 'cache-control': 'no-cache' }
  return {
    async find(path, request) {
      if (path === '/docs' || path === '/docs/') {
        return {
          status: 200,
          headers: { ...headers, 'content-type': 'text/html; charset=utf-8' },
          body: HTML,
        }
      }
      if (path === '/docs/start.js') {
        return {
          status: 200,
          headers: { ...headers, 'content-type': 'text/javascript; charset=utf-8' },
          body: START,
        }
      }
      const name = path.startsWith('/docs/') ? path.slice('/docs/'.length) : ''
      return FILES.has(name) ? await files.find(name, request, headers) : undefined
    },
  }
}
