import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMountedPages, type MountedPages } from './pages.ts'
import { safePath } from './static-files.ts'

const SETTINGS = {
  endpoints: ['http://localhost:8080', 'https://edge.example'],
  testAlertUrl: 'http://localhost:8091/alert',
}

let folder: string
let pages: MountedPages

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pages-'))
  const dist = join(folder, 'dist')
  await mkdir(join(dist, 'assets'), { recursive: true })
  await writeFile(join(folder, 'secret.txt'), 'secret')
  await writeFile(join(dist, '.env'), 'secret')
  await writeFile(join(dist, 'index.html'), '<!doctype html>')
  await writeFile(join(dist, 'assets', 'index-B1x_9-Zq.js'), 'export {}\n'.repeat(1000))
  pages = createMountedPages([
    { path: '/live', directory: dist, workspace: 'live' },
    { path: '/admin', directory: join(folder, 'nothing'), workspace: 'admin' },
    { path: '/files', directory: dist, workspace: 'files', fileOrigins: ['https://files.example'] },
    { path: '/told', directory: dist, workspace: 'told', settings: SETTINGS },
  ])
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

describe('a mounted page', () => {
  it.each(['/live', '/live/', '/live/trip/7'])(
    'shows the page at %s, checked anew each time',
    async (path) => {
      const page = await pages.find(path, {})
      expect(page?.status).toBe(200)
      expect(page?.headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-cache',
        'content-security-policy': expect.stringContaining("worker-src 'self' blob:"),
      })
    },
  )

  it('lets hashed files be kept for good, and compresses them where the browser can', async () => {
    const path = '/live/assets/index-B1x_9-Zq.js'
    const plain = await pages.find(path, {})
    expect(plain?.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    })
    const zipped = await pages.find(path, { 'accept-encoding': 'br, gzip' })
    expect(zipped?.headers['content-encoding']).toBe('gzip')
    expect(zipped?.body.length).toBeLessThan((plain?.body.length ?? 0) / 10)
    const again = await pages.find(path, { 'if-none-match': String(plain?.headers.etag) })
    expect(again?.status).toBe(304)
  })

  it.each([
    '/live/../secret.txt',
    '/live/%2e%2e/secret.txt',
    '/live/..%2fsecret.txt',
    '/live/.env',
    '/live/%00.txt',
    '/live/no.js',
  ])('has no %s', async (path) => {
    expect((await pages.find(path, {}))?.status).toBe(404)
  })

  it('says how to build it where it is not', async () => {
    const page = await pages.find('/admin', {})
    expect(page?.status).toBe(404)
    expect(page?.body).toContain('npm run build --workspace admin')
  })

  it('shows files from where they lie, and no other page does', async () => {
    const policyOf = async (path: string) => (await pages.find(path, {}))?.headers['content-security-policy']
    expect(await policyOf('/files')).toContain("img-src 'self' data: blob: https://files.example;")
    expect(await policyOf('/files')).toContain("child-src 'self' blob: https://files.example;")
    expect(await policyOf('/live')).not.toContain('files.example')
  })

  it('leaves other paths alone', async () => {
    expect(await pages.find('/livelihood', {})).toBeUndefined()
  })

  it('is told its settings, and reaches what they name and nothing else', async () => {
    const settings = await pages.find('/told/settings.json', {})
    expect(JSON.parse(String(settings?.body))).toEqual(SETTINGS)
    expect(settings?.headers).toMatchObject({ 'cache-control': 'no-store' })
    expect((await pages.find('/live/settings.json', {}))?.status).toBe(404)
    const policyOf = async (path: string) =>
      String((await pages.find(path, {}))?.headers['content-security-policy'])
    expect(await policyOf('/told')).toContain(
      "connect-src 'self' http://localhost:8080 ws://localhost:8080 https://edge.example wss://edge.example http://localhost:8091;",
    )
    expect(await policyOf('/live')).toContain("connect-src 'self';")
  })
})

it.each(['..', 'a/../b', '%2e%2e', 'a%5c..', 'c:evil', '%00', '%ff', '.git/config'])(
  '%s is no safe path',
  (path) => {
    expect(safePath(path)).toBeUndefined()
  },
)
