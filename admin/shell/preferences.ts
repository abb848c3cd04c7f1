/** What a person has chosen for the room's look and language, kept on this device. */
import { Store } from '../store/store.ts'
import { LANGUAGES, type Language } from '../words/words.ts'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const THEME_KEY = 'hushryd.operations.theme'
const LANGUAGE_KEY = 'hushryd.operations.language'

function readTheme(kept: string | null): Theme {
  return THEMES.find((theme) => theme === kept) ?? 'auto'
}

function readLanguage(kept: string | null): Language {
  const isKnown = (name: string): name is Language => Object.hasOwn(LANGUAGES, name)
  const wanted = kept ?? navigator.language.slice(0, 2)
  return isKnown(wanted) ? wanted : 'en'
}

export const theme = new Store(readTheme(localStorage.getItem(THEME_KEY)))
export const language = new Store(readLanguage(localStorage.getItem(LANGUAGE_KEY)))

const night = window.matchMedia('(prefers-color-scheme: dark)')
/** What the two together come to; the map needs it, the style sheets see it for themselves. */
export const isNight = new Store(false)

function show(): void {
  const root = document.documentElement
  root.dataset.theme = theme.value
  root.lang = language.value
  isNight.set(theme.value === 'dark' || (theme.value === 'auto' && night.matches))
}

night.addEventListener('change', show)
theme.subscribe((value) => {
  localStorage.setItem(THEME_KEY, value)
  show()
})
language.subscribe((value) => {
  localStorage.setItem(LANGUAGE_KEY, value)
  show()
})
show()
