/** Which view the address names. Ids stand in the query: a path with a dot in it would be a file. */

export const VIEWS = ['map', 'alerts', 'events', 'documents', 'messages', 'calls', 'fleet'] as const
export type ViewName = (typeof VIEWS)[number]

export interface Route {
  readonly view: ViewName
  /** What is chosen in the view, such as an alert or a trip. */
  readonly id: string
}

const BASE = '/admin'

function isView(name: string): name is ViewName {
  return (VIEWS as readonly string[]).includes(name)
}

export function readRoute(pathname: string, search: string): Route {
  const name = pathname.slice(BASE.length + 1).split('/')[0] ?? ''
  return { view: isView(name) ? name : 'alerts', id: new URLSearchParams(search).get('id') ?? '' }
}

export function pathOf({ view, id }: Route): string {
  return `${BASE}/${view}${id === '' ? '' : `?id=${encodeURIComponent(id)}`}`
}
