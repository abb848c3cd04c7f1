import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { withSetupLock } from './setup-lock.mjs'

const folder = mkdtempSync(join(tmpdir(), 'hushryd-setup-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** In the command line of every process that runs this test. */
const program = 'node'

test('a second one waits until the first is done, says so once, and then runs', async () => {
  const path = join(folder, 'waits')
  const first = Promise.withResolvers<void>()
  const order: string[] = []
  const waited = Promise.withResolvers<number>()
  const one = withSetupLock({ path, program, onWait: () => {} }, async () => {
    order.push('first begins')
    await first.promise
    order.push('first ends')
  })
  const two = withSetupLock({ path, program, onWait: waited.resolve }, async () => {
    order.push('second')
  })
  expect(await waited.promise).toBe(process.pid)
  first.resolve()
  await Promise.all([one, two])
  expect(order).toEqual(['first begins', 'first ends', 'second'])
})

test('work that fails gives the lock back', async () => {
  const path = join(folder, 'fails')
  const lock = { path, program, onWait: () => {} }
  await expect(withSetupLock(lock, () => Promise.reject(new Error('no disk')))).rejects.toThrow('no disk')
  expect(await withSetupLock(lock, async () => 'runs')).toBe('runs')
})

test.for([
  ['whose process is gone', '4194305', program],
  ['whose number another program has by now', String(process.pid), 'no such program'],
] as const)('a lock %s is taken over', async ([, owner, program]) => {
  const path = join(folder, `left-${owner}`)
  mkdirSync(path)
  writeFileSync(join(path, 'pid'), owner)
  const onWait = () => expect.unreachable('there is nobody to wait for')
  expect(await withSetupLock({ path, program, onWait }, async () => 'runs')).toBe('runs')
})
