/** A service administrator says where the messages of services name persons, and an observer sees it. */
import type { Test } from 'tap'
import { outcomeOf } from '../browser.ts'
import { act, close } from '../second-person.ts'
import { colons } from '../world.ts'
import { type Asked, walkOnPhone } from './operate-windows.ts'

type Place = { serviceId: string; method: string; path: string; in: string; name: string; type: string }

export async function declarePlaces(t: Test, { world, at, browser }: Asked): Promise<void> {
  const wide = await at(t, browser, ['XROAD_SERVICE_ADMINISTRATOR'], {}, 'population')
  const { page } = wide
  const service = `${colons(world.servers.population.client)}:deaths`
  const places = (): Promise<Place[]> =>
    world.admin.population.get<Place[]>(`/subject-places?serviceId=${service}`)
  t.same(await places(), [], 'nothing before')
  await wide.open('/person-places')
  await page.getByRole('heading', { name: 'Where persons are named' }).waitFor()
  await page.getByRole('cell', { name: 'Parameter of the path' }).first().waitFor()
  await wide.checkBoth('person-places')
  await walkOnPhone(t, { wide }, 'person-places')
  const button = 'Declare a place'
  await act(wide, button, { Service: 'deaths' }, button, 'Give the whole identifier')
  const dialog = page.getByRole('dialog')
  await wide.check('person-places-add')
  await dialog.getByLabel('Service').fill(service)
  await dialog.getByLabel('Method').selectOption('POST')
  await dialog.getByLabel('Path').fill('/deaths')
  await dialog.getByLabel('Where it stands').selectOption('body')
  await dialog.getByLabel('Name of it').fill('code')
  await dialog.getByLabel('Reason').fill('deaths are about somebody')
  await dialog.getByRole('button', { name: button, exact: true }).click()
  // A field of a body is where a JSON Pointer leads.
  await dialog.getByRole('alert').getByText('no JSON Pointer').waitFor()
  await dialog.getByLabel('Name of it').fill('/code')
  await dialog.getByRole('button', { name: button, exact: true }).click()
  await outcomeOf(page).getByText('It is declared').waitFor()
  await close(wide)
  t.match(await places(), [
    { method: 'POST', path: '/deaths', in: 'body', name: '/code', type: 'personal-code' },
  ])
  await wide.open('/person-places?q=deaths')
  const row = page.locator('main tbody tr', { hasText: service })
  await row.getByText('POST /deaths').waitFor()
  await row.getByRole('cell', { name: 'Field of the request' }).waitFor()
  const observer = await at(t, browser, ['XROAD_SECURITYSERVER_OBSERVER'], {}, 'population')
  await observer.open('/person-places?q=deaths')
  await observer.page.getByText('POST /deaths').waitFor()
  t.equal(await observer.page.getByRole('button', { name: button }).count(), 0, 'no act')
  await act(wide, /^Take back/, { Reason: 'it ends' }, 'Take back', 'It is taken back')
  await close(wide)
  t.same(await places(), [])
}
