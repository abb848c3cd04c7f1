/** What a person sees of the live map, read from the page. */
import type { Locator, Page } from 'playwright-core'

/** What of a browser's globals is used there; the project's other files know no browser. */
interface PageGlobals {
  readonly document: {
    querySelector(selector: string): {
      readonly width: number
      readonly height: number
      getContext(kind: '2d'): {
        getImageData(
          x: number,
          y: number,
          width: number,
          height: number,
        ): { readonly data: Uint8ClampedArray }
      }
    } | null
  }
}

/** The middle of all that is drawn on the vehicles' canvas, in its pixels from the left; undefined while it is empty. */
export async function findVehiclesX(page: Page): Promise<number | undefined> {
  return await page.evaluate(() => {
    const { document } = globalThis as unknown as PageGlobals
    const canvas = document.querySelector('canvas.vehicles')
    if (canvas === null) return undefined
    const { width, height } = canvas
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
    let sum = 0
    let count = 0
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      if (data[pixel * 4 + 3] === 0) continue
      count += 1
      sum += pixel % width
    }
    return count === 0 ? undefined : sum / count
  })
}

/** How much there is to see, as the bytes of its picture: an empty map compresses to next to nothing. */
export async function detailOf(page: Page): Promise<number> {
  return (await page.locator('.maplibregl-canvas').screenshot()).length
}

export function counter(page: Page, name: string): Locator {
  return page.locator('.counter', { hasText: name }).locator('.value')
}

/** NaN while there is none. */
export async function numberOf(locator: Locator): Promise<number> {
  return Number.parseFloat((await locator.textContent()) ?? '')
}

/** The length of the trail that the chosen vehicle's card names. */
export async function trailLengthM(page: Page): Promise<number> {
  const text = (await page.locator('.card dd').last().textContent()) ?? ''
  return Number.parseFloat(text) * (text.endsWith('km') ? 1000 : 1)
}
