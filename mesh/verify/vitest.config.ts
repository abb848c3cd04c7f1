import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** The checks on real proxies: `npm run verify:mesh` runs them once their programs are there. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    include: ['**/*.check.ts'],
    // Each by its name, also those that show that a mistake is caught.
    reporters: ['verbose'],
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // Each starts a mesh of its own, on the same addresses.
    fileParallelism: false,
  },
})
