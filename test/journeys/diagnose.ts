/**
 * Somebody looks for a fault: parts with remedies, connections tried both ways, a refused call by its id or
 * by its parties.
 */
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { tabThrough } from '../keyboard.ts'
import { act, close } from '../second-person.ts'
import { colons } from '../world.ts'
import type { Asked, Windows } from './operate-windows.ts'
import { pick } from './pick.ts'

const ROLES = ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_AUDITOR', 'XROAD_SERVICE_ADMINISTRATOR']

export async function diagnose(t: Test, { world, at, browser }: Asked): Promise<void> {
  const windows = { wide: await at(t, browser, ROLES), world }
  await seeParts(t, windows)
  await tryConnections(t, windows)
  await explainRefused(t, windows)
}

async function seeParts(t: Test, windows: Windows): Promise<void> {
  const { wide } = windows
  const { page } = wide
  await wide.open('/diagnostics')
  await page.getByRole('link', { name: 'Global configuration' }).waitFor()
  await page.getByText('GiB are free').waitFor()
  await page.getByText(/^Version \S+ of Concordat, on Node.js 26/).waitFor()
  await page.getByText('Show all of it').click()
  await page.getByRole('cell', { name: 'audit-head' }).waitFor()
  await wide.checkBoth('diagnostics')
  await tabThrough(t, page, 'diagnostics')
  t.notMatch(await page.locator('main').textContent(), /\d{4}-\d\d-\d\dT/, "times stand in the reader's form")
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    act(wide, 'Download a report', {}, 'Download a report', 'Your browser saves'),
  ])
  const report = JSON.parse(readFileSync((await download.path())!, 'utf8')) as object
  t.match(report, {
    ...{ format: 'concordat-diagnostic-report/1', parts: [{ name: 'global-configuration' }] },
    ...{ jobs: [{ kind: /./ }], process: { node: /^26/ }, settings: { limits: Object } },
    connections: [{ kind: 'SELF' }, { kind: 'CONFIGURATION' }],
  })
  await close(wide)
}

async function tryConnections(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  await page.getByRole('link', { name: 'What can be reached?' }).click()
  const kind = page.getByLabel('What shall be reached')
  for (const one of ['SELF', 'CONFIGURATION', 'TIME_STAMPING', 'OCSP', 'SERVICES']) {
    await kind.selectOption(one)
    await page.getByRole('button', { name: 'Try now' }).click()
    await page.getByRole('heading', { name: 'What was found' }).waitFor()
    const verdicts = await page.locator('main h3 .status').allTextContents()
    if (one !== 'SERVICES') t.match(verdicts, [/^\s*reached$/], one)
  }
  await kind.selectOption('PEER')
  await page.getByRole('button', { name: 'Try now' }).click()
  await page.getByRole('alert').getByText('Choose the subsystem').waitFor()
  await pick(page, 'Subsystem', 'population', colons(world.servers.population.client))
  await page.getByRole('button', { name: 'Try now' }).click()
  await page.getByText('both servers know and accept each other').waitFor()
  await wide.checkBoth('connections')
}

async function explainRefused(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const { tax, population } = world.servers
  const refused = await world.ask('tax', `/r1/${population.client}/none-such`, {
    headers: { 'X-Road-Client': tax.client, 'X-Road-Id': 'refused-call-1' },
  })
  t.match(refused.json(), { type: /unknown_service/ })
  await page.getByRole('link', { name: 'Why does a call fail?' }).click()
  await page.getByRole('heading', { name: 'Why does a call fail?', level: 1 }).waitFor()
  await page.getByLabel('Id of the call').fill('nothing-like-it')
  await page.getByRole('button', { name: 'Find the call' }).click()
  await page.getByText('No call with this id').waitFor()
  await wide.checkBoth('call-unknown')
  await page.getByLabel('Id of the call').fill('refused-call-1')
  await page.getByRole('button', { name: 'Find the call' }).click()
  await page.getByText('server.serverproxy.unknown_service').waitFor()
  await page.getByRole('heading', { name: 'Step by step' }).waitFor()
  await wide.settled()
  t.equal(await page.getByLabel('Who asks').inputValue(), colons(tax.client))
  await wide.checkBoth('call-explained')
  await page.getByRole('link', { name: 'Its record' }).click()
  await page.getByText('This call was refused').waitFor()
  await wide.check('exchange-refused')
  await page.getByRole('link', { name: 'Why does a call fail?' }).click()
  await page.getByRole('heading', { name: 'Step by step' }).waitFor()
  t.equal(await page.getByLabel('Service', { exact: true }).inputValue(), 'none-such')
  const asked = page.locator('form').filter({ has: page.getByLabel('Who answers') })
  await page.getByLabel('Who answers').fill('population')
  await asked.getByRole('button', { name: 'Look' }).click()
  await page.getByRole('alert').getByText('Pick a subsystem of the list').waitFor()
  await page.getByLabel('Who answers').fill(colons(population.client))
  await page.getByLabel('Service', { exact: true }).fill('persons')
  await page.getByLabel('Method').selectOption('GET')
  await page.getByLabel('Path').fill('/persons/1')
  await asked.getByRole('button', { name: 'Look' }).click()
  await page.getByText('none is required, and none holds').waitFor()
  await tabThrough(t, page, 'call')
}
