import { defineConfig } from 'vitest/config'

/**
 * Three projects, one after the other: `pure` needs nothing, `infra` talks to
 * the real local servers (started once by local/test-servers.ts), `system`
 * starts the whole system in processes of its own.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'pure',
          sequence: { groupOrder: 0 },
          include: ['{kernel,services,edge,sdk,live,admin,local,bench,mesh,tools}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.infra.test.ts', '**/dist/**'],
          // Most files are done in less time than a process of their own would take to start.
          isolate: false,
          // They wait for no server: a core that does nothing is time lost.
          maxWorkers: '100%',
          // Thousands of generated cases on a busy machine.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'infra',
          sequence: { groupOrder: 1 },
          include: ['{kernel,services,edge,sdk,local}/**/*.infra.test.ts'],
          exclude: ['**/node_modules/**'],
          globalSetup: ['local/test-servers.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          sequence: { groupOrder: 2 },
          include: ['system-tests/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          globalSetup: ['local/test-servers.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
