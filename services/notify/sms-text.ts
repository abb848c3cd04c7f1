/**
 * What an SMS has to be: in how many segments it travels, and whether it is a
 * text that India's operators know (DLT, TRAI's registry of commercial texts).
 * They drop every other one silently, so a mismatch must never be sent. Pure.
 */

/** GSM 03.38's basic set; those of the extension table take two places. */
const GSM_BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'
const GSM_EXTENDED = '^{}\\[~]|€\f'
const basic = new Set(GSM_BASIC)
const extended = new Set(GSM_EXTENDED)

/** One message holds 140 bytes; in a chain each part gives 6 of them to its header. */
const GSM_SINGLE = 160
const GSM_PART = 153
const UCS2_SINGLE = 70
const UCS2_PART = 67

export function countSegments(text: string): number {
  let places = 0
  for (const char of text) {
    if (basic.has(char)) places += 1
    else if (extended.has(char)) places += 2
    else return text.length <= UCS2_SINGLE ? 1 : Math.ceil(text.length / UCS2_PART)
  }
  return places <= GSM_SINGLE ? 1 : Math.ceil(places / GSM_PART)
}

export const DLT_PLACE = '{#var#}'
/** The registry lets each place hold so many characters; a longer value takes several places in a row. */
const DLT_PLACE_CHARS_MAX = 30

/** Whether the operators would take the body for the registered text. */
export function matchesRegistered(body: string, registered: string): boolean {
  const parts = registered.split(/((?:\{#var#\})+)/)
  const pattern = parts
    .map((part) =>
      part.startsWith(DLT_PLACE)
        ? `.{0,${(part.length / DLT_PLACE.length) * DLT_PLACE_CHARS_MAX}}`
        : RegExp.escape(part),
    )
    .join('')
  return new RegExp(`^${pattern}$`, 'u').test(body)
}

/** The values as the registry's places take them, in order: a long one is spread over several. */
export function placeValues(value: string, places: number): string[] {
  const chars = [...value]
  return Array.from({ length: places }, (_, index) =>
    chars.slice(index * DLT_PLACE_CHARS_MAX, (index + 1) * DLT_PLACE_CHARS_MAX).join(''),
  )
}

/** How many places of the registered text a value of this length needs. */
export function placesFor(charsMax: number): number {
  return Math.ceil(charsMax / DLT_PLACE_CHARS_MAX)
}
