/**
 * What the journeys of a server's operators share: their windows, and the lists in them as a phone shows
 * them.
 */
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { seeListWithoutRows, walkListStates } from '../list-states.ts'
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
  const { pathname, search } = new URL(wide.page.url())
  await onPhone(wide, () => walkListStates(t, wide, name))
  await wide.load(pathname.replace(/^\/console/, '') + search)
}

/**
 * The list on the present page without a row, on a phone: its other states are the component's, which the
 * list of clients shows.
 */
export async function seeEmptyOnPhone(t: Test, { wide }: Pick<Windows, 'wide'>, name: string): Promise<void> {
  await onPhone(wide, () => seeListWithoutRows(t, wide, name))
}

/** Looks at the present page while the window is a phone's. */
export async function onPhone({ page }: Visitor, look: () => Promise<void>): Promise<void> {
  const before = page.viewportSize()!
  await page.setViewportSize({ width: 360, height: 740 })
  await look()
  await page.setViewportSize(before)
}
