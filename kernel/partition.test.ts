import { expect, test } from 'vitest'
import { partitionOf } from './partition.ts'

test('the hash is FNV-1a with 32 bits: published test vectors hold', () => {
  // http://www.isthe.com/chongo/tech/comp/fnv/ (a: e40c292c, foobar: bf9cf968)
  const whole = 2 ** 32
  expect(partitionOf('', whole)).toBe(0x811c9dc5)
  expect(partitionOf('a', whole)).toBe(0xe40c292c)
  expect(partitionOf('foobar', whole)).toBe(0xbf9cf968)
})

test('trips spread evenly over the partitions', () => {
  const counts = new Array<number>(16).fill(0)
  for (let trip = 0; trip < 16_000; trip += 1) {
    const partition = partitionOf(`trip-${trip}`, 16)
    counts[partition] = (counts[partition] ?? 0) + 1
  }
  for (const count of counts) expect(count).toBeGreaterThan(800)
})
