/** The operations page as a person on duty uses it: its door, its views, what it sounds like. */
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** A page without a GPU, on a busy machine, takes its time. */
export const PATIENCE = { timeout: 60_000, interval: 250 }

export const VIEWS = ['Live map', 'SOS', 'Events', 'Documents', 'Messages', 'Calls', 'Fleet'] as const
export type View = (typeof VIEWS)[number]

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
/** What keeps people from using a page; axe's lesser findings are advice. */
const GRAVE = new Set(['serious', 'critical'])

/** What of a browser's globals is used there; the project's other files know no browser. */
interface PageGlobals {
  readonly axe: {
    run(options: object): Promise<{
      readonly violations: readonly {
        readonly id: string
        readonly impact: string | null
        readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
      }[]
    }>
  }
  readonly document: {
    readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number }
  }
}

export class OperationsRoom {
  readonly page: Page
  readonly #problems: string[] = []

  constructor(page: Page) {
    this.page = page
    page.setDefaultTimeout(PATIENCE.timeout)
    page.on('pageerror', (error) => this.#problems.push(String(error)))
  }

  /** What the page itself did wrong; that a server was away is no fault of it. */
  get problems(): readonly string[] {
    return this.#problems
  }

  async signIn(edgeUrl: string, token: string): Promise<void> {
    await this.page.goto(`${edgeUrl}/admin`)
    await this.page.getByLabel('Session token').fill(token)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
  }

  async isLive(): Promise<void> {
    await this.page.locator('[data-link="live"]').waitFor()
  }

  /** Of the edge that the page's socket leads to. */
  async edgeId(): Promise<string> {
    return (await this.page.locator('[data-link="live"] [data-edge]').textContent()) ?? ''
  }

  async show(view: View): Promise<Locator> {
    await this.page.getByRole('navigation').getByRole('link', { name: view }).click()
    const shown = this.page.getByRole('main', { name: view })
    await shown.waitFor()
    return shown
  }

  /** Presses a key where no field has the focus. */
  async press(key: string): Promise<void> {
    await this.page.getByRole('main').focus()
    await this.page.keyboard.press(key)
  }

  async alarmIs(state: 'quiet' | 'sounding' | 'muted' | 'blocked'): Promise<void> {
    await this.page.locator(`[data-alarm="${state}"]`).waitFor()
  }

  /** The bar that is in every view. */
  get alarmBar(): Locator {
    return this.page.getByRole('region', { name: 'Alerts that nobody has taken' })
  }

  /** Throws with every grave finding of axe, by all of its rules or by some. */
  async isAccessible(about: string, rules?: readonly string[]): Promise<void> {
    await this.page.evaluate(await readFile(AXE, 'utf8'))
    const { violations } = await this.page.evaluate(
      async (options) => await (globalThis as unknown as PageGlobals).axe.run(options),
      { resultTypes: ['violations'], ...(rules === undefined ? {} : { runOnly: [...rules] }) },
    )
    const grave = violations.filter(({ impact }) => GRAVE.has(impact ?? ''))
    const found = grave.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`,
    )
    expect(found, about).toEqual([])
  }

  /** Nothing is cut off at the side, and nothing has to be looked for there. */
  async fitsWidth(about: string): Promise<void> {
    const overhang = await this.page.evaluate(() => {
      const { documentElement: root } = (globalThis as unknown as PageGlobals).document
      return root.scrollWidth - root.clientWidth
    })
    expect(overhang, about).toBe(0)
  }

  /** For people to look at: into the folder that SCREENSHOTS_DIR names, where it does. */
  async picture(name: string): Promise<void> {
    const folder = process.env.SCREENSHOTS_DIR
    if (folder === undefined) return
    await mkdir(folder, { recursive: true })
    await this.page.screenshot({ path: join(folder, `${name}.png`) })
  }
}

export async function openRoom(
  browser: Browser,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<OperationsRoom> {
  return new OperationsRoom(await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options }))
}
