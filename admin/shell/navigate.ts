import { Store } from '../store/store.ts'
import { pathOf, type Route, readRoute } from './route.ts'

function here(): Route {
  return readRoute(window.location.pathname, window.location.search)
}

/** Where the page is; the browser's back and forward move it, too. */
export const route = new Store(here())

window.addEventListener('popstate', () => route.set(here()))

export function goTo(next: Route): void {
  window.history.pushState(null, '', pathOf(next))
  route.set(next)
}
