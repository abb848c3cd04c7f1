import fc from 'fast-check'
import { expect, it } from 'vitest'
import { pathOf, readRoute, VIEWS } from './route.ts'

it.each([
  ['/admin', ''],
  ['/admin/', ''],
  ['/admin/nothing', '?id='],
])('begins with the alerts at %s', (pathname, search) => {
  expect(readRoute(pathname, search)).toEqual({ view: 'alerts', id: '' })
})

it('reads every address that it writes, whatever the id', () => {
  fc.assert(
    fc.property(fc.constantFrom(...VIEWS), fc.string(), (view, id) => {
      const { pathname, search } = new URL(pathOf({ view, id }), 'http://edge')
      expect(readRoute(pathname, search)).toEqual({ view, id })
    }),
  )
})
