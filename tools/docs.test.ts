import { expect, test } from 'vitest'
import { generatePages } from './docs.ts'
import { readText } from './sources.ts'

test('the generated pages say what the code says', async () => {
  const stale: string[] = []
  for (const [path, text] of await generatePages()) if (readText(path) !== text) stale.push(path)
  expect(stale, 'run npm run docs').toEqual([])
})
