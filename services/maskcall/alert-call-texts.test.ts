import { expect, test } from 'vitest'
import { alertCallText } from './alert-call-texts.ts'

test('a contact hears the person’s language, English where there is no other, and who it is', () => {
  expect(alertCallText('hi-IN', 'Asha').language).toBe('hi-IN')
  expect(alertCallText('te', 'Asha').language).toBe('te-IN')
  for (const locale of ['', 'en', 'ta-IN', 'constructor'])
    expect(alertCallText(locale, 'Asha').language).toBe('en-IN')
  for (const locale of ['en', 'hi', 'te']) {
    expect(alertCallText(locale, 'Asha Rao').text).toContain('Asha Rao')
    expect(alertCallText(locale, '').text).not.toMatch(/undefined|\$\{/)
  }
})
