import { expect, test } from 'vitest'
import { GroupCommit } from './group-commit.ts'

test('one alone goes at once, and what comes meanwhile goes together behind it', async () => {
  const batches: number[][] = []
  const gates: (() => void)[] = []
  const group = new GroupCommit<number>({
    batchMax: 3,
    commit: (batch) => {
      batches.push([...batch])
      return new Promise((resolve) => gates.push(resolve))
    },
  })
  const turn = async (): Promise<void> => {
    gates.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  group.add(1)
  await turn()
  expect(batches).toEqual([[1]])
  for (const item of [2, 3, 4, 5]) group.add(item)
  expect(group.waiting).toBe(4)
  await turn()
  await turn()
  expect(batches).toEqual([[1], [2, 3, 4], [5]])
  const idle = group.idle()
  await turn()
  await idle
  group.add(6)
  await turn()
  expect(batches.at(-1)).toEqual([6])
})

test('what is added in one turn is one batch', async () => {
  const batches: number[][] = []
  const group = new GroupCommit<number>({
    batchMax: 10,
    async commit(batch) {
      batches.push([...batch])
    },
  })
  for (const item of [1, 2, 3]) group.add(item)
  await group.idle()
  expect(batches).toEqual([[1, 2, 3]])
})
