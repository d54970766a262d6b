/**
 * Somebody comes to work: how the server is, what the last day brought, what ends, who did what; and one part
 * that fails leaves the others.
 */
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { tabThrough } from '../keyboard.ts'
import { seeNothingOfBefore } from '../list-states.ts'
import { act, close } from '../second-person.ts'
import { colons } from '../world.ts'
import type { Asked, Windows } from './operate-windows.ts'
import { pick } from './pick.ts'

const ROLES = ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_AUDITOR']

export async function watchServer(t: Test, { world, at, browser }: Asked): Promise<void> {
  const { population, tax } = world.servers
  const headers = { 'X-Road-Client': tax.client }
  await world.ask('tax', `/r1/${population.client}/persons/persons/P00000042`, { headers })
  await world.ask('tax', `/r1/${population.client}/none-such`, { headers })
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
  const key = { name: 'ends tomorrow', roles: ['XROAD_SECURITYSERVER_OBSERVER'], expiresAt }
  await world.admin['tax']!.send('POST', '/api-keys', key)
  const windows = { wide: await at(t, browser, ROLES), world }
  await seeFirstPage(t, windows)
  await seeTraffic(t, windows)
  await seeActs(t, windows)
  await readApi(windows)
}

/**
 * What a key can call: the description of the API, as the server gives it to everybody who reaches its pages.
 */
async function readApi({ wide }: Windows): Promise<void> {
  const { page } = wide
  await wide.open('/api-keys')
  await page.getByRole('link', { name: 'What a key can call' }).click()
  const operation = page.locator('#getSession')
  await operation.locator('summary').click()
  await operation.getByText('"securityServer"').waitFor()
  await wide.checkBoth('agency-api')
}

async function seeFirstPage(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const part = (name: string) =>
    page.locator('section.part', { has: page.getByRole('heading', { name, exact: true }) })
  await wide.load('/')
  await part('Last actions').getByText('made an API key').first().waitFor()
  await part('Last actions').getByText('ends tomorrow').waitFor()
  await part('Ends soon').getByText('ends tomorrow').waitFor()
  await part('The last 24 hours')
    .getByRole('img', { name: /exchanges by the hour/ })
    .waitFor()
  const failed = part('What failed').getByRole('link', {
    name: /^The service does not exist.*unknown_service$/,
  })
  await failed.waitFor()
  await part('Health').getByText('in order').first().waitFor()
  await wide.checkBoth('agency-overview')
  await tabThrough(t, page, 'agency-overview')
  const diagnostics = '**/api/v1/diagnostics'
  await page.route(diagnostics, (route) => route.abort())
  await wide.load('/')
  await part('Health').getByText('This could not be shown').waitFor()
  await part('Last actions').getByText('made an API key').first().waitFor()
  await page.unroute(diagnostics)
  await part('Health').getByRole('button', { name: 'Try again' }).click()
  await part('Health').getByText('in order').first().waitFor()
  await failed.click()
  const first = page.getByRole('search').first()
  t.equal(await first.getByLabel('State').inputValue(), 'true', 'among the first filters')
  await first.getByLabel('Service').fill('no such service')
  await page.keyboard.press('Enter')
  await first.getByRole('alert').getByText('Pick one from the list').waitFor()
  await wide.check('records-part-of-name')
  t.notMatch(page.url(), 'serviceId', 'the list stays')
  await first.getByLabel('Service').fill('')
  await pick(page, 'Member or subsystem', 'tax', colons(world.servers['tax']!.client))
  await page.waitForURL(/partyId=DEV/)
  await wide.answered()
  await page
    .getByRole('cell', { name: /The service does not exist/ })
    .first()
    .waitFor()
  await wide.checkBoth('records-refused')
  await page
    .getByRole('link', { name: /^Record/ })
    .first()
    .click()
  await page.getByText('This call was refused').waitFor()
  await page.getByRole('link', { name: 'Why does a call fail?' }).waitFor()
}

async function seeTraffic(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const service = `${colons(world.servers['population']!.client)}:persons`
  await wide.open('/traffic/services')
  await page.getByRole('cell').filter({ hasText: 'persons' }).first().waitFor()
  await page.getByRole('img', { name: /^Answers: half took at most \d/ }).waitFor()
  // The label of a choice holds its options too.
  await page
    .locator('label', { hasText: /^Service/ })
    .locator('select')
    .selectOption(service)
  await page.waitForURL(/serviceId=/)
  await wide.answered()
  const others = page.locator('table.rows tbody tr').filter({ hasText: 'none-such' })
  await others.first().waitFor({ state: 'detached' })
  await wide.checkBoth('traffic-services')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    act(wide, 'Download as CSV', {}, 'Download as CSV', 'Your browser saves'),
  ])
  const lines = readFileSync((await download.path())!, 'utf8').split('\r\n')
  t.ok(lines.length > 2 && lines.slice(1, -1).every((line) => line.includes(service)), 'as it was filtered')
  await close(wide)
  await wide.open('/traffic?by=outcome')
  const outcome = (name: RegExp) => page.getByRole('row', { name })
  await outcome(/^answered/).waitFor()
  await outcome(/^The service does not exist.*unknown_service/).waitFor()
  await wide.checkBoth('traffic-outcomes')
  for (const path of ['traffic', 'traffic/services']) {
    await wide.open(`/${path}?serviceId=${service}-none`)
    await seeNothingOfBefore(t, wide, {
      ...{ api: `**/api/v1/message-log/${path}?*`, said: 'No exchange ended in this time.' },
      ask: () => page.locator('main .tools select').last().selectOption({ index: 1 }),
    })
  }
}

async function seeActs(t: Test, windows: Windows): Promise<void> {
  const { wide } = windows
  const { page } = wide
  await wide.open('/acts')
  await page.getByText('ends tomorrow', { exact: true }).first().waitFor()
  await wide.checkBoth('acts')
  await page.getByLabel('Kind of action').selectOption('people')
  await page.waitForURL(/kind=people/)
  await wide.answered()
  await page.getByRole('searchbox').fill('ends tomorrow')
  await page.waitForURL(/q=ends/)
  await wide.answered()
  t.equal(await page.locator('tbody tr').count(), 1)
  await page.getByText('Details', { exact: true }).last().click()
  await page.getByText('addApiKey').waitFor()
  await page.getByLabel('Kind of action').selectOption('keys')
  await page.getByText('Nothing fits this search').waitFor()
}
