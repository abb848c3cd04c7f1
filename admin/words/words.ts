/** The languages of the room, and the one in use. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { en, type Words } from './en.ts'
import { hi } from './hi.ts'

export const LANGUAGES = { en, hi } as const satisfies Record<string, Words>
export type Language = keyof typeof LANGUAGES
/** Each in its own words. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', hi: 'हिन्दी' }

export const WordsContext = createContext<Words>(en)

export function useWords(): Words {
  return useContext(WordsContext)
}
