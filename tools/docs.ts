/**
 * Writes docs/CONFIG.md, docs/METRICS.md and docs/ERRORS.md from the code and
 * the contract: `npm run docs`. A test holds that they are up to date.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeConfig } from './docs/config-page.ts'
import { describeErrors } from './docs/errors-page.ts'
import { describeMetrics } from './docs/metrics-page.ts'
import { ROOT } from './sources.ts'

/** Each page's text, by its path from the folder of the repository. */
export async function generatePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['docs/CONFIG.md', await describeConfig()],
    ['docs/METRICS.md', await describeMetrics()],
    ['docs/ERRORS.md', describeErrors()],
  ])
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [path, text] of await generatePages()) writeFileSync(join(ROOT, path), text)
}
