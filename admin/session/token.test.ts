import { expect, it } from 'vitest'
import { findToken, forgetToken, keepToken, type Tab } from './token.ts'

function openTab(hash: string): Tab & { readonly address: { dropped: boolean } } {
  const kept = new Map<string, string>()
  const address = { dropped: false }
  return {
    hash,
    address,
    dropHash: () => {
      address.dropped = true
    },
    storage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    },
  }
}

it('takes the token of a sign-in link and takes it out of the address', () => {
  const tab = openTab('#token=ops-1.Zm9v_-%3D')
  expect(findToken(tab)).toBe('ops-1.Zm9v_-=')
  expect(tab.address.dropped).toBe(true)
})

it.each(['', '#', '#token=', '#map=1/2/3', '#token=a b'])('finds no token in “%s”', (hash) => {
  const tab = openTab(hash)
  expect(findToken(tab)).toBeUndefined()
  expect(tab.address.dropped).toBe(false)
})

it('keeps a token for the tab until it is forgotten', () => {
  const tab = openTab('')
  keepToken(tab, 'secret')
  expect(findToken(tab)).toBe('secret')
  forgetToken(tab)
  expect(findToken(tab)).toBeUndefined()
})
