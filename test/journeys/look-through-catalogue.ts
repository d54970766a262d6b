/**
 * People of an agency look through the registry's catalogue in the console of their own server, and come from
 * a service to asking for access and to trying it.
 */
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { colons, type World } from '../world.ts'
import { pick } from './pick.ts'

type Q = { t: Test; world: World; signatory: Visitor; withKey(side: 'tax', role: string): Promise<Visitor> }

/** The catalogue was collected. `signatory` may propose contracts, but not try services. */
export async function lookThroughCatalogue({ t, world, signatory, withKey }: Q): Promise<void> {
  const [provider, own] = [world.servers.population.client, world.servers.tax.client].map(colons) as [
    string,
    string,
  ]
  const { page } = signatory
  await statesOfList(t, signatory)
  await page.getByRole('searchbox').fill(`${own}:`)
  // Its id is folded away.
  await page.locator('tbody tr', { hasText: own }).first().getByText('offered by this server').waitFor()
  await page.getByRole('searchbox').fill(`${provider}:getPerson`)
  const row = page.getByRole('row', { name: /getPerson/ })
  await row.getByText('not known here').waitFor()
  await signatory.checkBoth('agency-catalogue')
  await row.getByRole('link').click()
  await page.getByText('In this instance a call needs one').waitFor()
  await page.getByText('The provider names none').waitFor()
  await signatory.checkBoth('agency-catalogue-soap')
  await signatory.open(`/catalogue?q=${provider}:persons`)
  await page.locator('tbody a').first().click()
  await page
    .getByRole('cell', { name: /^\/persons/ })
    .first()
    .waitFor()
  await signatory.checkBoth('agency-catalogue-service')
  t.equal(
    await page.getByRole('link', { name: 'Try a service' }).count(),
    0,
    'who may not try is not sent there',
  )
  await page.getByRole('link', { name: 'Ask for access: propose a contract for this service' }).click()
  for (const [label, value] of Object.entries({ Provider: provider, 'Service 1: code': 'persons' }))
    t.equal(await page.getByLabel(label).first().inputValue(), value, label)
  t.match(await page.getByLabel('Service 1: endpoints').inputValue(), /^GET \/persons/m, 'what it has')
  let questions = 0
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith('/catalogue')) questions += 1
  })
  await pick(page, 'Service 1: code', 'getP', 'getPerson')
  // Both stand in the list already. Each search begins with what the own server has; the one before it is
  // over then.
  for (const typed of ['pers', 'perso']) {
    const own = page.waitForResponse((one) => new URL(one.url()).pathname.endsWith('/service-descriptions'))
    await page.getByLabel('Service 1: code').first().fill(typed)
    await (await own).finished()
  }
  t.equal(questions, 1, 'the registry is asked once for all services of a provider')
  await pick(page, 'Service 1: code', 'pers', 'persons')

  const administrator = await withKey('tax', 'XROAD_SERVICE_ADMINISTRATOR')
  await administrator.open(`/catalogue/${encodeURIComponent(`${provider}:persons`)}`)
  await administrator.page.locator('main').getByRole('link', { name: 'Try a service' }).last().click()
  t.equal(await administrator.page.getByLabel('Whose service').inputValue(), provider, 'already picked')
  await administrator.open(`/catalogue/${encodeURIComponent(`${provider}:none`)}`)
  await administrator.page.getByText('none in the catalogue').waitFor()
}

/** From what a client may call, which is its contracts in force, to this one. */
export async function openFromCalls(
  { page, open, checkBoth }: Visitor,
  client: string,
  title: string,
): Promise<void> {
  await open(`/clients/${client}/calls`)
  const row = page.getByRole('row').filter({ hasText: title })
  await row.getByText('persons').first().waitFor()
  await checkBoth('client-calls')
  await row.getByRole('link', { name: title }).click()
}

/** While the registry is asked, when it does not answer, and when nothing fits. */
async function statesOfList(t: Test, { page, open, checkBoth }: Visitor): Promise<void> {
  const held = Promise.withResolvers<void>()
  const fault = {
    type: 'registration_unavailable',
    message: 'no answer came from the registry',
    detail: 'abc-7',
  }
  await page.route('**/api/v1/catalogue?**', async (route) => {
    await held.promise
    await route.fulfill({ status: 502, json: fault })
  })
  await open('/contracts')
  await page.getByRole('link', { name: 'Catalogue', exact: true }).first().click()
  await page.getByText('Loading …').first().waitFor()
  held.resolve()
  await page.getByText('no answer came from the registry').waitFor()
  await checkBoth('agency-catalogue-failed')
  t.match(await page.locator('main').textContent(), /abc-7/, 'what to look for in the log')
  await page.unroute('**/api/v1/catalogue?**')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.locator('tbody tr').first().waitFor()
  await page.getByRole('searchbox').fill('no such service')
  await page.getByText('Nothing fits this search').waitFor()
  await page.getByRole('status').filter({ hasText: '0 found' }).waitFor()
}
