/**
 * Pages of one role as others see them: in dark colours, wide in English, and on a phone in Estonian by the
 * keyboard alone.
 */
import type { BrowserContextOptions } from 'playwright-core'
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { tabThrough } from '../keyboard.ts'
import { PHONE } from './find-way.ts'

const DARK = { colorScheme: 'dark' } as const
/** A dark page has no light ground: the sum of its three colours. A string, because it runs in the page. */
const GROUND = `getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0)`
const DARKEST = 150

/**
 * The pages of each role: `arrive` comes with that role, in a window of its own until that role's test ends.
 */
export async function inOtherLooks(
  t: Test,
  arrive: (t: Test, role: string, context: BrowserContextOptions) => Promise<Visitor>,
  pages: Record<string, string[]>,
): Promise<void> {
  for (const [role, addresses] of Object.entries(pages))
    await t.test(role, async (t) => {
      const wide = await arrive(t, role, DARK)
      const phone = await arrive(t, role, { ...DARK, ...PHONE, locale: 'et-EE' })
      for (const address of addresses) {
        const name = `${role}${address.replaceAll('/', '-')}`
        await wide.open(address)
        await wide.check(`${name}-dark`, 'colours')
        await phone.open(address)
        await phone.check(`${name}-dark-estonian-narrow`, 'layout')
        if (address.startsWith('/exchanges/')) {
          const said = (await phone.page.locator('.verdict').allTextContents()).join(' ')
          t.match(said, /TOTAL-PASSED|INDETERMINATE/)
          t.notMatch(said, /\b(the|and|is|of)\b/i, 'what a thread has found is said in Estonian')
        }
        await tabThrough(t, phone.page, `${role}, in Estonian, ${address}`)
      }
      t.equal(await phone.page.locator('html').getAttribute('lang'), 'et')
      for (const { page } of [wide, phone])
        t.ok((await page.evaluate<number>(GROUND)) < DARKEST, 'it is dark')
    })
}
