/**
 * Generates gen/: TypeScript from the contract by ts-proto, and the descriptor
 * set that the edge's bridge, reflection and validation read at start; from
 * that, sdk/generated/ and admin/generated/.
 */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const env = { ...process.env, PATH: bin + delimiter + process.env.PATH }

function buf(...args) {
  const run = spawnSync(join(bin, process.platform === 'win32' ? 'buf.cmd' : 'buf'), args, {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  if (run.status !== 0) {
    console.error(`buf ${args.join(' ')} failed`)
    process.exit(run.status ?? 1)
  }
}

for (const folder of ['hushryd', 'google', 'buf']) {
  rmSync(join(root, 'gen', folder), { recursive: true, force: true })
}
buf('generate')
buf('build', '-o', join('gen', 'descriptors.binpb'))

// What apps and the operations page may call. npm has put the Node that strips types first.
for (const workspace of ['sdk', 'admin']) {
  const run = spawnSync(process.execPath, [join(workspace, 'generate.ts')], { cwd: root, stdio: 'inherit' })
  if (run.status !== 0) process.exit(run.status ?? 1)
}
