/** What the journeys of a server's operators share: their windows, and the lists in them as a phone shows them. */
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { walkListStates } from '../list-states.ts'
import type { World } from '../world.ts'

export type At = (
  t: Test,
  browser: Browser,
  roles: string[],
  more?: object,
  name?: 'tax' | 'population',
) => Promise<Visitor>
export type Asked = { world: World; at: At; browser: Browser }
export type Windows = { wide: Visitor; world: World }

/** The states of the list on the present page, on a phone. Afterwards the page is loaded anew on the desk. */
export async function walkOnPhone(t: Test, { wide }: Pick<Windows, 'wide'>, name: string): Promise<void> {
  const { page } = wide
  const { pathname, search } = new URL(page.url())
  const before = page.viewportSize()!
  await page.setViewportSize({ width: 360, height: 740 })
  await walkListStates(t, wide, name)
  await page.setViewportSize(before)
  await wide.load(pathname.replace(/^\/console/, '') + search)
}
