/** A service administrator says where the messages of services name persons, and an observer sees it. */
import type { Test } from 'tap'
import { leaveDialog, outcomeOf, type Visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'
import { until } from '../until.ts'
import { colons } from '../world.ts'
import { type Asked, onPhone } from './operate-windows.ts'

type Place = { serviceId: string; method: string; path: string; in: string; name: string; type: string }
type Begun = Place & { hasBegun: boolean; countsFrom: number | null }

const PLACES = '**/api/v1/subject-places*'
const FAILED = { type: 'database_error', message: 'the database does not answer', detail: 'abc-1' }
const FORBIDDEN = { type: 'forbidden', message: 'one of these roles is needed', detail: 'abc-2' }

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
  await onPhone(wide, () => walkStates(t, wide))
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
  const begun = await until('the index runs with the place', async (saw) => {
    const [place] = saw((await places()) as Begun[])
    return place!.hasBegun && place
  })
  await observer.open('/person-places?q=deaths')
  await observer.page.getByText('POST /deaths').waitFor()
  t.equal(await observer.page.getByRole('button', { name: button }).count(), 0, 'no act')
  const since = `Record ${begun.countsFrom}`
  await observer.page.getByRole('cell', { name: since }).waitFor()
  t.equal(await observer.page.getByRole('link', { name: since }).count(), 0, 'may open no exchange')
  const auditor = await at(t, browser, ['XROAD_AUDITOR'], {}, 'population')
  await auditor.open('/person-places?q=deaths')
  const link = auditor.page.getByRole('link', { name: since })
  t.match(await link.getAttribute('href'), new RegExp(`/exchanges/${begun.countsFrom}$`))
  await act(wide, /^Take back/, { Reason: 'it ends' }, 'Take back', 'It is taken back')
  await close(wide)
  t.same(await places(), [])
  await aboutNobody(t, { world, at, browser }, wide)
}

/** Calls of a service of another server, whose identifier is typed, are declared to be about nobody. */
async function aboutNobody(t: Test, { world }: Asked, wide: Visitor): Promise<void> {
  const { page } = wide
  const service = `${colons(world.servers.business.client)}:statistics`
  const asked = `/subject-places?serviceId=${service}`
  const values = { Service: service, 'Where it stands': 'none', Reason: 'they have no persons' }
  await wide.open('/person-places')
  await act(wide, 'Declare a place', values, 'Declare a place', 'taken to be about nobody')
  await close(wide)
  t.match(await world.admin.population.get(asked), [{ in: 'none', name: '', method: '*', path: '**' }])
  await wide.open('/person-places?in=none')
  const row = page.locator('main tbody tr', { hasText: service })
  await row.getByRole('cell', { name: 'Nowhere: these calls are about nobody' }).waitFor()
  t.equal(await page.locator('main tbody tr').count(), 1, 'the others name persons')
  await row.getByRole('button', { name: /^Take back/ }).click()
  await page.getByRole('dialog').getByText('no longer taken to be about nobody').waitFor()
  await wide.check('person-places-none-back')
  await leaveDialog(page)
  await act(wide, /^Take back/, { Reason: 'it ends' }, 'Take back', 'It is taken back')
  await close(wide)
  t.same(await world.admin.population.get(asked), [])
}

/**
 * While the places are asked for, when that fails, when somebody withdrew the right meanwhile, and when none
 * is declared.
 */
async function walkStates(t: Test, { page, answered, check, look }: Visitor): Promise<void> {
  const main = page.locator('main')
  const again = main.getByRole('button', { name: 'Try again' })
  const released = Promise.withResolvers<void>()
  let answer: { status: number; json: object } = { status: 503, json: FAILED }
  await page.route(PLACES, async (route) => {
    await released.promise
    await route.fulfill(answer)
  })
  await page.reload()
  await main.getByText('Loading …').waitFor()
  released.resolve()
  await main.getByText('the database does not answer').waitFor()
  t.match(await main.textContent(), /abc-1/, "what to look for in the server's log")
  await check('person-places-failed', 'layout')
  answer = { status: 200, json: [] }
  await again.click()
  await main.getByText('Nothing is declared').waitFor()
  t.equal(await main.locator('table').count(), 0, 'no table without a row')
  await check('person-places-empty', 'layout')
  answer = { status: 403, json: FORBIDDEN }
  await page.reload()
  await main.getByText('Your roles do not include this page').waitFor()
  t.equal(await again.count(), 0, 'no use in trying again')
  await look('person-places-forbidden')
  await page.unroute(PLACES)
  await page.reload()
  await main.getByRole('table').waitFor()
  await answered()
}
