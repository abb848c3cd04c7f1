/** What lies in mesh/telemetry. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../sources.ts'

export const FOLDER = 'mesh/telemetry'

/** YAML files of one of its folders, from mesh/telemetry. */
export function listFiles(folder: 'rules' | 'tests'): string[] {
  return readdirSync(join(ROOT, FOLDER, folder))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => `${folder}/${name}`)
}
