/**
 * The session token's way into the page: typed, or once in the address behind
 * `#token=`, which no server and no log ever sees and which is gone from the
 * address before anything else runs. It lives as long as the tab.
 */

const KEY = 'hushryd.operations.token'
const FRAGMENT = /^#token=([A-Za-z0-9_.~:@%-]+)$/

/** What of a tab is used. */
export interface Tab {
  readonly hash: string
  /** Replaces the address, history included. */
  dropHash(): void
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
}

export function thisTab(): Tab {
  return {
    hash: window.location.hash,
    dropHash: () => window.history.replaceState(null, '', window.location.pathname + window.location.search),
    storage: window.sessionStorage,
  }
}

/** Undefined where nobody is signed in. */
export function findToken(tab: Tab): string | undefined {
  const fromLink = FRAGMENT.exec(tab.hash)?.[1]
  if (fromLink !== undefined) {
    tab.dropHash()
    keepToken(tab, decodeURIComponent(fromLink))
  }
  return tab.storage.getItem(KEY) ?? undefined
}

export function keepToken({ storage }: Tab, token: string): void {
  storage.setItem(KEY, token)
}

export function forgetToken({ storage }: Tab): void {
  storage.removeItem(KEY)
}
