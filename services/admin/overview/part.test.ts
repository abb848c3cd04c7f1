import { expect, test } from 'vitest'
import { Part } from './part.ts'

function partOf(read: () => Promise<{ count: number }>) {
  let nowMs = 1_000
  const failures: unknown[] = []
  const part = new Part({
    read,
    nothing: { count: 0 },
    nowMs: () => nowMs,
    onFailed: (error) => void failures.push(error),
  })
  function later(ms: number): void {
    nowMs += ms
  }
  return { part, failures, later }
}

test('before anything was read the figures are unknown and have no age', async () => {
  const { part, failures } = partOf(() => Promise.reject(new Error('away')))
  expect(await part.get()).toEqual({ count: 0, reading: { readAt: 0, unknown: true } })
  expect(failures).toHaveLength(1)
})

test('all who ask at once, and a little later, cost one look', async () => {
  let looks = 0
  const { part, later } = partOf(async () => ({ count: ++looks }))
  expect(await Promise.all([part.get(), part.get()])).toMatchObject([{ count: 1 }, { count: 1 }])
  later(900)
  expect(await part.get()).toMatchObject({ count: 1, reading: { readAt: 1_000 } })
  later(200)
  expect(await part.get()).toMatchObject({ count: 2, reading: { readAt: 2_100 } })
})

test('a source that goes away leaves its last figures, with their age; one record tells of it', async () => {
  let isAway = false
  const { part, failures, later } = partOf(async () => {
    if (isAway) throw new Error('away')
    return { count: 7 }
  })
  await part.get()
  isAway = true
  for (let look = 0; look < 3; look += 1) {
    later(5_000)
    expect(await part.get()).toEqual({ count: 7, reading: { readAt: 1_000, unknown: true } })
  }
  expect(failures).toHaveLength(1)
  isAway = false
  expect(await part.get()).toMatchObject({ reading: { unknown: false } })
})
