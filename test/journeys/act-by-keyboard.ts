/**
 * One act of each of an operator's roles, from its page to what it changed, on a phone and by the keyboard
 * alone.
 */
import type { Locator, Page } from 'playwright-core'
import type { Test } from 'tap'
import { outcomeOf, type Visitor } from '../browser.ts'
import { enter, tabTo, write } from '../keyboard.ts'
import { colons } from '../world.ts'
import { PHONE } from './find-way.ts'
import type { Asked } from './operate-windows.ts'

type Act = {
  button: string
  /** By the label of each field; `check` checks a box. */
  fields: Record<string, string>
  confirm: string
  after: string
}

export async function actByKeyboard(t: Test, { world, at, browser }: Asked): Promise<void> {
  const { population } = world.servers
  const own = colons(population.client)
  const [service] = await world.admin.population.get<{ id: number }[]>('/services?q=persons')
  const [token] = await world.admin.population.get<{ keys: { id: string; label: string }[] }[]>('/tokens')
  const { id: key } = token!.keys[0]!

  /** A part by one role, which ends where it sees `left` on the page. */
  const by = async (role: string, address: string, acts: Act[], left: (page: Page) => Locator) =>
    t.test(role, async (t) => {
      const phone = await at(t, browser, [role], { context: PHONE }, 'population')
      await phone.open(address)
      for (const each of acts) await act(phone, each)
      await left(phone.page).waitFor()
      await phone.check(`by-keyboard-${role.slice('XROAD_'.length).toLowerCase()}`, 'layout')
    })

  await by(
    'XROAD_SERVICE_ADMINISTRATOR',
    `/clients/services/${service!.id}/give?q=${own}`,
    [
      {
        button: `Give a right to ${own}`,
        ...{ fields: {}, confirm: 'Give a right', after: 'The right was given' },
      },
    ],
    (page) => page.getByText('has a right').first(),
  )
  await by(
    'XROAD_REGISTRATION_OFFICER',
    '/clients/add',
    [
      {
        button: `Add another subsystem of ${colons(population.member)}`,
        fields: { 'Code of the subsystem': 'keyboard' },
        ...{ confirm: 'Another subsystem', after: 'Register it next' },
      },
    ],
    (page) => page.getByText('not registered').first(),
  )
  await by(
    'XROAD_SECURITY_OFFICER',
    `/keys/${key}`,
    [{ button: 'Rename', fields: { Name: 'typed' }, confirm: 'Rename', after: 'The key was renamed' }],
    (page) => page.getByRole('heading', { name: 'typed', level: 1 }),
  )
  await by(
    'XROAD_SYSTEM_ADMINISTRATOR',
    '/api-keys',
    [
      {
        button: 'Make an API key',
        fields: { Name: 'keyboard', 'Observer of the security server': 'check' },
        ...{ confirm: 'Make an API key', after: 'it is not shown again' },
      },
      {
        button: 'Revoke keyboard',
        fields: { 'Name, to confirm': 'keyboard' },
        ...{ confirm: 'Revoke', after: 'The key was revoked' },
      },
    ],
    (page) => page.getByRole('row', { name: /keyboard/ }).getByText('revoked'),
  )
}

/** Opens a dialog by its button, fills it, confirms, and closes what it shows. */
async function act({ page, answered }: Visitor, q: Act): Promise<void> {
  await enter(page, page.locator('main').getByRole('button', { name: q.button, exact: true }))
  const dialog = page.getByRole('dialog')
  for (const [label, value] of Object.entries(q.fields)) {
    const field = dialog.getByLabel(label, { exact: true })
    if (value === 'check') {
      await tabTo(page, field)
      await page.keyboard.press('Space')
    } else await write(page, field, value)
  }
  await enter(page, dialog.getByRole('button', { name: q.confirm, exact: true }))
  await outcomeOf(page).getByText(q.after).first().waitFor()
  const shown = dialog.getByRole('button', { name: 'Close', exact: true })
  if (await shown.isVisible()) await enter(page, shown)
  await dialog.waitFor({ state: 'detached' })
  await answered()
}
