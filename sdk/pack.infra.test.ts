/** The package as an app gets it: packed, installed into an empty folder without network, typed and run. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSmallEdge } from './testing/small-edge.ts'

const run = promisify(execFile)
const SDK = dirname(fileURLToPath(import.meta.url))
/** What a page loads at most: 32 KiB of code, and tables that grow with the contract. */
const BROWSER_BYTES_MAX = 48 * 1024

/** TypeScript and JavaScript at once. */
const APP = `
import { createClient, HushrydError } from '@hushryd/sdk'

const [endpoint = '', token = ''] = process.argv.slice(2)
const client = createClient({ endpoints: [endpoint], token })
client.reportPosition('T1', { lat: 17.4, lng: 78.5, timestampMs: 1 })
client.connect()
const seen = []
await new Promise((resolve) => {
  client.followTrip('T1', {
    onPosition(position) {
      seen.push(position.timestampMs)
      if (position.timestampMs === 1) client.reportPosition('T1', { lat: 17.5, lng: 78.6, timestampMs: 2 })
      else resolve(undefined)
    },
  })
})
const { updates, complete } = await client.call.location.getTrail({ tripId: 'T1' })
const alert = client.raiseSos({ tripId: 'T1' })
const { status } = await alert.received
console.log(JSON.stringify({ seen, trail: updates.length, complete, status, isError: HushrydError.length > 0 }))
client.close()
`

let folder = ''
let tarball = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushryd-sdk-'))
  // The package's own prepack builds it.
  await run('npm', ['pack', '--pack-destination', folder, '--loglevel=error'], { cwd: SDK })
  const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.tgz'))
  tarball = join(folder, name)
  await mkdir(join(folder, 'app'))
  await writeFile(join(folder, 'app', 'package.json'), '{"type":"module","private":true}')
  await run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball], {
    cwd: join(folder, 'app'),
  })
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test('an app that has nothing but the packed package follows, reports, calls and raises an alert', async () => {
  await using edge = await startSmallEdge('token-1')
  const app = join(folder, 'app', 'app.mjs')
  await writeFile(app, APP)
  const { stdout } = await run(process.execPath, [app, edge.url, 'token-1'])
  expect(JSON.parse(stdout)).toEqual({
    seen: [1, 2],
    trail: 2,
    complete: true,
    status: 'ACTIVE',
    isError: true,
  })
  expect(edge.positions.map(({ lat, lng }) => [lat, lng])).toEqual([
    [17.4, 78.5],
    [17.5, 78.6],
  ])
  expect(edge.alertIds).toHaveLength(1)
})

test('it needs no other package and brings no sources or tests', async () => {
  expect(await readdir(join(folder, 'app', 'node_modules'))).toEqual(['.package-lock.json', '@hushryd'])
  const installed = join(folder, 'app', 'node_modules', '@hushryd', 'sdk')
  expect((await readdir(installed)).sort()).toEqual(['README.md', 'dist', 'package.json'])
  const { size } = await stat(join(installed, 'dist', 'browser.js'))
  expect(size).toBeLessThan(BROWSER_BYTES_MAX)
  const bundle = await readFile(join(installed, 'dist', 'index.js'), 'utf8')
  expect(bundle).not.toMatch(/\bfrom\s+["']|\brequire\(|node:/)
})

test('its types hold for the strictest app, with neither Node’s nor the browser’s', async () => {
  const app = join(folder, 'app')
  await writeFile(
    join(app, 'app.ts'),
    `declare const process: { argv: string[] }\ndeclare const console: { log(text: string): void }\n${APP.replace('seen = []', 'seen: number[] = []')}`,
  )
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    lib: ['es2022'],
    types: [],
  }
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const config = { compilerOptions: { ...compilerOptions, module, moduleResolution }, files: ['app.ts'] }
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify(config))
    const { stdout } = await run(process.execPath, [tsc, '-p', app]).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).toBe('')
  }
})
