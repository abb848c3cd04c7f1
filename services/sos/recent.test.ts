import { expect, test } from 'vitest'
import { Recent } from './recent.ts'

test('knows the last ones and whose they are, and forgets older ones', () => {
  const recent = new Recent(10)
  for (let index = 0; index < 100; index += 1) {
    recent.add(`a${index}`, `user-${index}`)
    for (let back = 0; back < 5; back += 1) {
      const known = index - back
      expect(recent.has(`a${known}`)).toBe(known >= 0)
      expect(recent.isOf(`a${known}`, `user-${known}`)).toBe(known >= 0)
    }
    expect(recent.isOf(`a${index}`, 'another')).toBe(false)
    expect(recent.has(`a${index - 10}`)).toBe(false)
  }
})

test('one that is added again is known for as long as a new one', () => {
  const recent = new Recent(4)
  recent.add('a', 'user')
  for (const other of ['b', 'a', 'c']) recent.add(other, 'user')
  expect(recent.has('a')).toBe(true)
})
