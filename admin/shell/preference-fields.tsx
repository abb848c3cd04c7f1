import { useStore } from '../store/use-store.ts'
import { LANGUAGE_NAMES, LANGUAGES, type Language, useWords } from '../words/words.ts'
import { language, THEMES, theme } from './preferences.ts'

export function Preferences() {
  const words = useWords()
  const chosenTheme = useStore(theme)
  const chosenLanguage = useStore(language)
  return (
    <div class="preferences">
      <select
        aria-label={words.theme.label}
        value={chosenTheme}
        onChange={({ currentTarget }) =>
          theme.set(THEMES.find((name) => name === currentTarget.value) ?? 'auto')
        }
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {words.theme[name]}
          </option>
        ))}
      </select>
      <select
        aria-label={words.language}
        value={chosenLanguage}
        onChange={({ currentTarget }) => language.set(currentTarget.value === 'hi' ? 'hi' : 'en')}
      >
        {(Object.keys(LANGUAGES) as Language[]).map((name) => (
          <option key={name} value={name} lang={name}>
            {LANGUAGE_NAMES[name]}
          </option>
        ))}
      </select>
    </div>
  )
}
