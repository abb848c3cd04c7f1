/**
 * Makes the unpacked Chromium run from its private folder: it starts copies of
 * itself, so that a wrapper around it would not do, and it looks for fonts
 * where the system has them.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setInterpreter } from './elf-interpreter.mjs'

const PROGRAM = 'usr/lib/chromium/chromium-headless-shell'
const LOADERS = [
  'usr/lib64/ld-linux-x86-64.so.2',
  'usr/lib/ld-linux-aarch64.so.1',
  'usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
]

/** `folder` is where it lies now, `target` where it will be run. */
export function prepareBrowser(folder, target) {
  const loader = LOADERS.find((path) => existsSync(join(folder, path)))
  if (loader === undefined) throw new Error('the packages brought no loader')
  setInterpreter(join(folder, PROGRAM), join(target, loader))
  writeFileSync(
    join(folder, 'fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${target}/usr/share/fonts</dir>
  <cachedir>${target}/fonts-cache</cachedir>
</fontconfig>
`,
  )
}
