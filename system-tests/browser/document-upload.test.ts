/**
 * The SDK's upload in a real browser: a page of another origin sends a file
 * that a person has chosen, past the browser's own rules, straight into S3.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makePhoto, sha256Of } from '@hushryd/docs/testing/sample-files.ts'
import { findBrowser } from '@hushryd/local/browser.ts'
import { startSystem } from '@hushryd/local/testing/start-system.ts'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { expect, test } from 'vitest'
import { createDriver } from '../testing/documents.ts'

/** The first time a browser is downloaded. */
const LONG = { timeout: 10 * 60_000 }
const PATIENCE_MS = 60_000
const SDK = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'sdk', 'index.ts')

/** Says each step, and in the end what became of the document, in its title. */
const PAGE = `<!doctype html><title>waiting</title><input type="file"><ol></ol>
<script type="module">
import { createClient } from '/sdk.js'
const { endpoint, token } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
const client = createClient({ endpoints: [endpoint], token })
document.querySelector('input').addEventListener('change', async ({ target }) => {
  const onProgress = ({ step, sentBytes, totalBytes }) => {
    const line = document.createElement('li')
    line.textContent = step + (sentBytes !== undefined && sentBytes === totalBytes ? ' all' : '')
    document.querySelector('ol').append(line)
  }
  try {
    const { state, sha256 } = await client.uploadDocument({ documentType: 'license', file: target.files[0], onProgress })
    document.title = state + ' ' + sha256
  } catch (error) {
    document.title = 'refused ' + error.reason + ' ' + error.message
  }
})
</script>`

async function servePage(): Promise<{ readonly origin: string } & Disposable> {
  const { outputFiles } = await build({ entryPoints: [SDK], bundle: true, format: 'esm', write: false })
  const server = createServer((request, response) => {
    const isCode = request.url === '/sdk.js'
    response.setHeader('content-type', isCode ? 'text/javascript' : 'text/html')
    response.end(isCode ? outputFiles[0]?.contents : PAGE)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://localhost:${port}`,
    [Symbol.dispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('a file chosen on a page is sent, with its progress told, and becomes available', LONG, async () => {
  const { path, env } = await findBrowser(process.env.CHROMIUM_PATH)
  using site = await servePage()
  await using system = await startSystem({ programs: ['edge', 'docs'], env: { EDGE_ORIGINS: site.origin } })
  const { token } = await createDriver(system, 'chooser')
  await using browser = await chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env },
    // No sandbox: containers have none.
    args: ['--no-sandbox'],
  })
  const page = await browser.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const session = new URLSearchParams({ endpoint: system.edgeUrls[0] ?? '', token })
  await page.goto(`${site.origin}/#${session}`)
  const photo = await makePhoto({ width: 800, height: 600 })
  const file = { name: 'licence.jpg', mimeType: 'image/jpeg', buffer: photo }
  await page.locator('input').setInputFiles(file)
  await page.waitForFunction("document.title !== 'waiting'", undefined, { timeout: PATIENCE_MS })
  expect(await page.title()).toBe(`AVAILABLE ${sha256Of(photo)}`)
  const steps = await page.locator('li').allTextContents()
  expect(steps).toEqual(
    expect.arrayContaining(['reading', 'announced', 'sending', 'sending all', 'checking']),
  )
})
