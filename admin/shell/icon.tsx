import type { ViewName } from './route.ts'

/** Drawn for this page, on a grid of 20, with one stroke. */
const PATHS: Readonly<Record<ViewName, string>> = {
  map: 'M3 5.500 7.500 3.500 12.500 5.500 17 3.500V14.500L12.500 16.500 7.500 14.500 3 16.500ZM7.500 3.500V14.500M12.500 5.500V16.500',
  alerts: 'M10 3 18 16.500H2ZM10 8V12M10 14.200V14.300',
  events: 'M3 5H17M3 10H17M3 15H11',
  documents: 'M5 2.500H12L15.500 6V17.500H5ZM12 2.500V6H15.500M7.500 10H13M7.500 13.500H11',
  messages: 'M3 4.500H17V13.500H9L5.500 16.500V13.500H3Z',
  calls:
    'M4 3.500H7L8.500 7.500 6.500 9C7.500 11 9 12.500 11 13.500L12.500 11.500 16.500 13V16C9.500 17 3 10.500 4 3.500Z',
  fleet: 'M3 4H17V8.500H3ZM3 11.500H17V16H3ZM6 6.200V6.300M6 13.700V13.800',
}

export function Icon({ name }: { name: ViewName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
