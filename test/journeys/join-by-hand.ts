/**
 * A signatory of a member joins the standard terms of its group in the browser: the subsystems are picked,
 * not typed.
 */
import type { Test } from 'tap'
import { hasChromium, openBrowser, outcomeOf, visitor } from '../browser.ts'
import { colons, type World } from '../world.ts'
import { pick } from './pick.ts'

/** A string, because it runs in the page. The field has one line, and the clipboard two. */
const PASTE_TWO = `(() => {
  const clipboardData = new DataTransfer()
  clipboardData.setData('text', 'nowhere\\nelsewhere')
  document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
})()`

/** What is asked of the API in a gate without a browser: `orElse`. */
export async function joinByHand(
  t: Test,
  world: World,
  contract: string,
  orElse: () => Promise<unknown>,
): Promise<unknown> {
  if (!hasChromium()) return orElse()
  const { tax } = world.servers
  const key = { name: 'Director at a screen', roles: ['XROAD_CONTRACT_SIGNATORY'] }
  const { secret } = await world.admin.tax.send<{ secret: string }>('POST', '/api-keys', key)
  const director = await visitor(t, await openBrowser(), { base: `${tax.adminUrl}/console`, apiKey: secret })
  const { page } = director
  await director.open(`/contracts/${contract}`)
  await page.getByRole('button', { name: 'Join', exact: true }).click()
  const dialog = page.getByRole('dialog')
  const send = dialog.getByRole('button', { name: 'Join', exact: true })
  await send.click()
  await dialog.getByRole('alert').getByText('Subsystems that join').first().waitFor()
  const client = colons(tax.client)
  const taken = dialog.getByRole('listitem').filter({ hasText: client })
  await pick(page, 'Subsystems that join', 'tax', client)
  await taken.waitFor()
  await director.checkBoth('contract-join')
  await dialog.getByRole('button', { name: `Remove ${client}` }).click()
  await taken.waitFor({ state: 'detached' })
  // What nothing is found for is taken with Enter, which sends nothing yet.
  const field = dialog.getByLabel('Subsystems that join')
  await field.focus()
  await page.evaluate(PASTE_TWO)
  await dialog.getByRole('status').getByText('nowhere, elsewhere was added').waitFor()
  await dialog.getByRole('button', { name: 'Remove elsewhere' }).click()
  await send.click()
  await dialog.getByRole('alert').getByText('nowhere is not a subsystem').waitFor()
  await dialog.getByRole('button', { name: 'Remove nowhere' }).click()
  await dialog.getByRole('status').getByText('nowhere was removed').waitFor()
  await dialog.locator('input:focus').waitFor()
  // What is typed is sent, too, with one press.
  await field.fill(client)
  await send.click()
  await outcomeOf(page).getByText(colons(tax.member)).first().waitFor()
  await director.check('contract-joined')
}
