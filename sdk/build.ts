/**
 * Builds sdk/dist: one JavaScript module for Node, bundlers and React Native,
 * one minified for a page's script tag, and the types.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'

const folder = dirname(fileURLToPath(import.meta.url))
const dist = join(folder, 'dist')

await import('./generate.ts')
rmSync(dist, { recursive: true, force: true })
const shared: BuildOptions = {
  absWorkingDir: folder,
  entryPoints: ['index.ts'],
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
}
await build({ ...shared, outfile: 'dist/index.js' })
await build({ ...shared, outfile: 'dist/browser.js', minify: true })

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json'], { cwd: folder, stdio: 'inherit' })
copyFileSync(join(folder, '..', 'LICENSE'), join(dist, 'LICENSE'))
