/**
 * Phone numbers in any common writing, to E.164.
 *
 * The full metadata ("max") is used because the small one knows only lengths
 * and would take numbers of series that were never given out. An error names the field and never the
 * number: messages end up in logs and on screens.
 */
import { DomainError, ErrorReason } from '@hushryd/kernel/error.ts'
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'

/** Taken for numbers without a country code. */
const HOME_COUNTRY: CountryCode = 'IN'
/** `(+91) 98765 43210` is common in India and unknown to the library. */
const BRACKETED_COUNTRY_CODE = /^\((\+\d{1,3})\)/

/** Throws INVALID_PHONE for what is no valid number of its country, also for one with an extension. */
export function readPhone(text: string, field: string): string {
  // `extract: false`: the whole text has to be the number, not only a part of it.
  const written = text.trim().replace(BRACKETED_COUNTRY_CODE, '$1')
  const number = parsePhoneNumberFromString(written, { defaultCountry: HOME_COUNTRY, extract: false })
  if (number === undefined || !number.isValid() || number.ext !== undefined) {
    throw new DomainError(ErrorReason.ERROR_REASON_INVALID_PHONE, `${field} is not a valid phone number.`, {
      violations: [{ field, description: 'is not a valid phone number' }],
    })
  }
  return number.number
}

/** As `readPhone`, where the person may have none: blank stays empty. */
export function readOptionalPhone(text: string, field: string): string {
  return text.trim() === '' ? '' : readPhone(text, field)
}
