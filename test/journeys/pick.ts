/**
 * Picks what exists in fields that find it: people type a part of a name, and their browser lists what fits.
 */
import type { Page } from 'playwright-core'
import { leaveDialog, type Visitor } from '../browser.ts'
import { colons, type World } from '../world.ts'

/**
 * The parties of a contract: its provider, a second consumer or a group, who sees it in secret, and the
 * member of a contact.
 */
export async function pickParties({ page }: Visitor, world: World): Promise<void> {
  const { servers, registryAdmin } = world
  await registryAdmin.send('POST', '/global-groups', { code: 'courts', description: 'Courts of law' })
  await world.publish()
  await pick(page, 'Provider', 'population', colons(servers.population.client))
  await page.getByRole('button', { name: 'Add a consumer' }).click()
  await pick(page, 'Consumer 2', 'business', colons(servers.business.client))
  await pick(page, 'Or every member of this global group', 'of law', 'courts')
  await unfold(page, 'Hidden from auditors')
  await page.getByRole('button', { name: 'Add a member that sees it' }).click()
  const sees = 'Hidden from auditors, except at member 2'
  await pick(page, sees, 'population', colons(servers.population.member))
  await pick(page, 'Contact 1: member', 'tax', colons(servers.tax.member))
}

/** Whatever the registry's console asks for by its identifier: first the parties of a hosting mandate. */
export async function pickInRegistry({ page, open, check }: Visitor): Promise<void> {
  await open('/hosting-mandates')
  await page.getByRole('button', { name: 'Give a mandate' }).click()
  await pick(page, 'Who hosts', 'heir', 'DEV:GOV:5678')
  await pick(page, 'For whom', '1234', 'DEV:GOV:1234')
  await pick(page, 'For whom', 'pop', 'DEV:GOV:1234:pop ä')
  await check('give-hosting-mandate')
  await leaveDialog(page)
  await open('/explanation')
  await pick(page, 'Who asks', 'plain', 'DEV:GOV:1234:plain')
  await pick(page, 'Who answers', 'pop', 'DEV:GOV:1234:pop ä')
  await pick(page, 'Service code', 'per', 'persons')
  await check('explanation-picked')
  await open('/suspensions')
  await page.getByRole('button', { name: 'Suspend at once' }).click()
  await page.getByLabel('Kind').selectOption('server')
  await pick(page, 'Which one', 'ss1.ex', 'DEV:GOV:1234:SS1')
  await page.getByLabel('Kind').selectOption('member')
  await pick(page, 'Which one', 'heir', 'DEV:GOV:5678')
  await check('suspend-picked')
  await leaveDialog(page)
  await open('/security-servers')
  await page.getByRole('button', { name: 'Register a server' }).click()
  await page.getByLabel('Owner').fill('heir')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Server code').fill('DEV:SS9')
  await dialog.getByRole('button', { name: 'Register a server' }).click()
  await dialog.getByRole('alert').getByText('Pick a member').first().waitFor()
  await dialog.getByRole('alert').getByText('without a colon').waitFor()
  await pick(page, 'Owner', 'heir', 'DEV:GOV:5678')
  await dialog.getByLabel('Server code').fill('SS9')
  await dialog.getByLabel('Address').fill('ss9.example')
  await check('register-server')
  await dialog.getByRole('button', { name: 'Register a server' }).click()
  await page.waitForURL(/security-servers\/DEV:GOV:5678:SS9$/)
  await open('/contracts')
  await pick(page, 'Member', 'heir', 'DEV:GOV:5678')
  await page.waitForURL(/member=DEV/)
  await open('/members/DEV:GOV:1234/succession')
  await pick(page, 'New member', 'heir', 'DEV:GOV:5678')
}

/** Opens a section of a long form, where it is folded. */
export async function unfold(page: Page, words: string): Promise<void> {
  const folded = page.locator('form details:not([open]) > summary', { hasText: words })
  if ((await folded.count()) > 0) await folded.click()
}

/** Types a part of a name, waits until the field's list has the thing, and takes it. */
export async function pick(page: Page, label: string, typed: string, id: string): Promise<void> {
  const field = page.getByLabel(label).first()
  await field.fill(typed)
  const list = await field.getAttribute('list')
  const found = page.locator(`[id="${list}"]`)
  // What has no name of its own is called as it is, and needs no value.
  await found
    .locator(`option[value="${id}"]`)
    .or(found.getByText(id, { exact: true }))
    .first()
    .waitFor({ state: 'attached' })
  await field.fill(id)
}
