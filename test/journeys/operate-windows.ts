/** The windows in which the journeys of a server's operators look at each page: a desk's and a phone's. */
import type { Browser } from 'playwright-core'
import type { Visitor } from '../browser.ts'
import type { World } from '../world.ts'
import type { At } from './decide-deliveries.ts'

export type Asked = { world: World; at: At; browser: Browser }
export type Windows = { wide: Visitor; narrow: Visitor; world: World }

const [WIDE, PHONE] = [
  { width: 1280, height: 800 },
  { width: 360, height: 740 },
]
export const NARROW = { context: { viewport: PHONE } }

/**
 * Looks at the present page of the wide window in both. `stay`: what is shown is not in the address, so that the wide window itself
 * becomes narrow.
 */
export async function lookIn({ wide, narrow }: Windows, name: string, how?: 'stay'): Promise<void> {
  await wide.check(name)
  if (how === 'stay') {
    await wide.page.setViewportSize(PHONE)
    await wide.check(`${name}-narrow`)
    return wide.page.setViewportSize(WIDE)
  }
  const { pathname, search } = new URL(wide.page.url())
  await narrow.open(pathname.replace(/^\/console/, '') + search)
  await narrow.check(`${name}-narrow`)
}
