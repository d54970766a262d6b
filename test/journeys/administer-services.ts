/**
 * A service administrator in the console: describes services, gives rights, accepts a new document, switches
 * off, and sees both ends of rights.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { leaveDialog, outcomeOf } from '../browser.ts'
import { startProviderSystem } from '../fakes/provider-system.ts'
import { wsdl } from '../fakes/soap-service.ts'
import { tabThrough } from '../keyboard.ts'
import { act, close } from '../second-person.ts'
import { colons } from '../world.ts'
import { type Asked, seeEmptyOnPhone, type Windows, walkOnPhone } from './operate-windows.ts'

const ADMINISTRATOR = ['XROAD_SERVICE_ADMINISTRATOR']
const TITLE = '<b>Parks</b>'

export async function administerServices(t: Test, { world, at, browser }: Asked): Promise<void> {
  const wide = await at(t, browser, ADMINISTRATOR, {}, 'population')
  const windows = { wide, world }
  await seeClients(t, windows)
  await describeByFile(windows)
  await giveRights(t, windows)
  await acceptDocument(t, windows)
  await switchOff(t, windows)
  await bothEnds(t, windows)
  await describeByAddress(t, windows)
  const observer = await at(t, browser, ['XROAD_SECURITYSERVER_OBSERVER'], {}, 'population')
  await observer.open(`/clients/${colons(world.servers.population.client)}`)
  await observer.page.getByRole('link', { name: 'parks', exact: true }).click()
  await observer.page.getByRole('link', { name: 'parks', exact: true }).click()
  await observer.page.getByText('How its system is called').waitFor()
  const acts = observer.page.locator('main button:not(.copyable button)')
  t.strictSame(await acts.allTextContents(), ['Try the connection'], 'nothing that changes anything')
  await remove(t, windows)
}

async function seeClients(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const own = colons(world.servers.population.client)
  await wide.open('/clients')
  await page.getByLabel('State').selectOption('about to be disabled')
  await page.getByText('Nothing fits this search').waitFor()
  await page.getByLabel('State').selectOption('registered')
  await page.getByRole('link', { name: own }).waitFor()
  await wide.checkBoth('clients')
  await walkOnPhone(t, windows, 'clients')
  await page.getByRole('link', { name: own }).click()
  await page.getByRole('link', { name: 'persons', exact: true }).waitFor()
  await wide.checkBoth('client')
  await tabThrough(t, page, 'client')
  await seeEmptyOnPhone(t, windows, 'client')
}

function openApi(version: string, paths: Record<string, object>): object {
  const responses = { 200: { description: 'All' } }
  const described = Object.entries(paths).map(([path, more]) => [path, { get: { responses, ...more } }])
  return {
    name: 'parks.json',
    mimeType: 'application/json',
    buffer: Buffer.from(
      JSON.stringify({
        openapi: '3.0.3',
        info: { title: TITLE, version },
        servers: [{ url: 'http://192.0.2.7/parks' }],
        paths: Object.fromEntries(described) as object,
      }),
    ),
  }
}

async function describeByFile(windows: Windows): Promise<void> {
  const { wide } = windows
  const { page } = wide
  await page.getByRole('button', { name: 'Add by OpenAPI' }).click()
  const dialog = page.getByRole('dialog')
  await wide.check('services-add')
  await dialog.getByRole('button', { name: 'Add by OpenAPI' }).click()
  await page.getByRole('alert').getByText('Service code').waitFor()
  await page.getByLabel('Service code').fill('parks')
  await dialog.getByRole('button', { name: 'Add by OpenAPI' }).click()
  await page.getByRole('alert').getByText('either as a file or by its address').waitFor()
  await page.getByLabel('Document, as a file').setInputFiles({
    ...{ name: 'a.yaml', mimeType: 'application/yaml', buffer: Buffer.from('swagger: "2.0"') },
  })
  await dialog.getByRole('button', { name: 'Add by OpenAPI' }).click()
  await page
    .getByRole('alert')
    .getByText(/Swagger|OpenAPI 3/)
    .waitFor()
  const document = openApi('1', { '/parks': {}, '/parks/{id}': {} })
  await page.getByLabel('Document, as a file').setInputFiles(document as never)
  await dialog.getByRole('button', { name: 'Add by OpenAPI' }).click()
  await outcomeOf(page).getByText('1 service was added').waitFor()
  await close(wide)
  await page.getByRole('heading', { name: 'parks', level: 1 }).waitFor()
  await wide.settled()
  await wide.checkBoth('service-description')
  await act(wide, 'Switch on', {}, 'Switch on', 'It is on.')
  await close(wide)
  await page.getByRole('link', { name: 'parks', exact: true }).click()
  await page.getByText('How its system is called').waitFor()
  await page.getByRole('button', { name: 'Change settings' }).click()
  await page.getByLabel('Time-out, in seconds').fill('0.5')
  await page.getByRole('dialog').getByRole('button', { name: 'Change settings' }).click()
  await page.getByRole('alert').getByText('from 1 to 1,000').waitFor()
  await page.getByLabel('Time-out, in seconds').fill('7')
  await wide.check('service-settings')
  await page.getByRole('dialog').getByRole('button', { name: 'Change settings' }).click()
  await page.getByText('The settings were changed').waitFor()
  await close(wide)
  await page.getByText('7 s', { exact: true }).waitFor()
  await page.getByText("There is none: add one when the system's certificate").waitFor()
  await page.getByRole('button', { name: 'Add a certificate' }).click()
  const file = readFileSync(windows.world.servers.population.systemCertificateFile)
  await page.getByLabel('Certificate file').setInputFiles({
    ...{ name: 'system.pem', mimeType: 'application/x-pem-file' },
    buffer: Buffer.from(new X509Certificate(file).toString()),
  })
  await wide.check('service-certificate-add')
  await page.getByRole('dialog').getByRole('button', { name: 'Add a certificate' }).click()
  await outcomeOf(page).getByText('It was added, and is valid until').waitFor()
  await close(wide)
  await wide.checkBoth('service-certificates')
  const trusted = page.getByRole('button', { name: /^Delete the certificate / })
  const name =
    /certificate (.*), [0-9a-f]{8}…$/.exec((await trusted.getAttribute('aria-label')) ?? '')?.[1] ?? ''
  const typed = { 'Name, to confirm': name }
  await act(wide, /^Delete the certificate /, typed, 'Delete', 'The certificate was deleted.')
  await close(wide)
  await act(
    wide,
    'Add an endpoint',
    { Method: 'POST', Path: '/parks/*/trees' },
    'Add an endpoint',
    'was added',
  )
  await close(wide)
  const other = { Method: 'PUT', Path: '/parks/*/bushes' }
  await act(wide, 'Change: POST /parks/*/trees', other, 'Change', 'The endpoint was changed')
  await close(wide)
  await page.getByRole('cell', { name: 'PUT /parks/*/bushes', exact: true }).waitFor()
}

async function giveRights(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const tax = colons(world.servers.tax.client)
  await page.getByRole('link', { name: 'Give a right' }).click()
  await page.getByRole('heading', { name: 'Give a right to parks' }).waitFor()
  await wide.settled()
  await wide.checkBoth('rights-give')
  await seeEmptyOnPhone(t, windows, 'rights-give')
  await page.getByRole('searchbox').fill('TAX')
  await page.waitForURL(/q=TAX/)
  await wide.answered()
  t.equal(await page.locator('tbody tr').count(), 1, 'searched, not typed')
  for (const what of ['the whole service', 'GET /parks', 'GET /parks/*']) {
    await act(wide, `Give a right to ${tax}`, { What: what }, 'Give a right', 'The right was given')
    await close(wide)
  }
  await page.getByText('has a right').first().waitFor()
  await page.getByRole('link', { name: 'Back to parks' }).click()
  await page.getByRole('cell', { name: 'the whole service', exact: true }).waitFor()
  await wide.checkBoth('service')
  await act(wide, `Withdraw from ${tax}: the whole service`, {}, 'Withdraw', 'The right was withdrawn')
  await close(wide)
  const left = page.getByRole('table', { name: 'Access rights' }).locator('tbody tr')
  t.equal(await left.count(), 2, 'the others stay')
}

async function acceptDocument(t: Test, windows: Windows): Promise<void> {
  const { wide } = windows
  const { page } = wide
  await page.getByRole('link', { name: 'Service description', exact: true }).click()
  await page.getByText('A new document').waitFor()
  const next = openApi('2', { '/parks': {}, '/lakes': {} })
  await page.getByLabel('Document, as a file').setInputFiles(next as never)
  await page.getByRole('button', { name: 'Compare', exact: true }).click()
  await page.getByRole('heading', { name: 'Endpoints that go' }).waitFor()
  const shown = await page.getByRole('region', { name: 'What it would change' }).textContent()
  t.match(shown, /version: “1” becomes “2”/)
  t.match(shown, /GET \/lakes of DEV:GOV:1001:population:parks/)
  await wide.checkBoth('services-changes')
  await page.getByRole('button', { name: 'Apply this document' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Apply this document' }).click()
  await page.getByRole('alert').getByText('Warnings').waitFor()
  await dialog.getByLabel(/I have read the/).check()
  await wide.check('services-apply')
  await dialog.getByRole('button', { name: 'Apply this document' }).click()
  await outcomeOf(page).getByText('The new document is in force').waitFor()
  await close(wide)
  const compared = page.getByRole('region', { name: 'What it would change' })
  t.equal(await compared.count(), 0, 'nothing is left to apply')
  await page.getByLabel('Document, as a file').setInputFiles(next as never)
  await page.getByRole('button', { name: 'Compare', exact: true }).click()
  await page.getByText('The document is the one in force').waitFor()
}

async function switchOff(t: Test, { wide, world }: Windows): Promise<void> {
  const notice = { 'Notice to callers': 'back on Monday' }
  await act(wide, 'Switch off', notice, 'Switch off', 'It is off. Callers get the notice')
  await close(wide)
  await wide.page.getByText('back on Monday').waitFor()
  const { population, tax } = world.servers
  const refused = await world.ask('tax', `/r1/${population.client}/parks/parks`, {
    headers: { 'X-Road-Client': tax.client },
  })
  t.match(refused.body.toString(), /back on Monday/, 'the caller is told')
}

async function bothEnds(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const tax = colons(world.servers.tax.client)
  await wide.open(`/clients/${colons(world.servers.population.client)}/service-clients`)
  const whatTaxMay = page
    .getByRole('row')
    .filter({ hasText: tax })
    .getByRole('link', { name: /^What [^:]+ may call$/ })
  await whatTaxMay.waitFor()
  await wide.checkBoth('rights-who')
  await seeEmptyOnPhone(t, windows, 'rights-who')
  await giveFromThere(t, windows)
  await whatTaxMay.click()
  await page
    .getByRole('link', { name: /population:persons/ })
    .first()
    .waitFor()
  await wide.settled()
  await wide.checkBoth('rights-what')
  const parks = `${colons(world.servers.population.client)}:parks`
  await act(wide, `Withdraw from ${tax}: ${parks}, GET /parks`, {}, 'Withdraw', 'The right was withdrawn')
  await close(wide)
  await page
    .getByRole('link', { name: /population:persons/ })
    .first()
    .click()
  await page.getByText('How its system is called').waitFor()
  await act(wide, 'Try the connection', {}, 'Try the connection', 'reached')
  await wide.check('service-tried')
  await close(wide)
}

/** Several services at once, of which one is refused, one endpoint of one, and all of it withdrawn again. */
async function giveFromThere(t: Test, { wide, world }: Windows): Promise<void> {
  const { page } = wide
  const own = colons(world.servers.population.client)
  await page.getByRole('link', { name: 'Give a right', exact: true }).click()
  // The page before has a search as well.
  await page.waitForURL(/\/give/)
  await wide.settled()
  await page.getByRole('searchbox').fill(own)
  await page.getByRole('link', { name: `Give a right to ${own}` }).click()
  await page.getByText('Choose services in the list').waitFor()
  await seeEmptyOnPhone(t, { wide }, 'rights-give-services')
  await page.getByRole('checkbox', { name: /:parks$/ }).check()
  await page.getByRole('checkbox', { name: /:persons$/ }).check()
  await wide.checkBoth('rights-give-services')
  const refused = { status: 409, json: { type: 'conflict', message: 'somebody was faster', detail: 'abc-9' } }
  await page.route('**/access-rights', (route) => route.fulfill(refused), { times: 1 })
  const several = 'Give a right to 2 chosen services'
  await act(wide, several, {}, several, 'Done: 1 of 2.')
  await page.getByRole('dialog').getByText('somebody was faster').waitFor()
  await wide.check('rights-given-services')
  await close(wide)
  t.ok(await page.getByRole('checkbox', { name: /:persons$/ }).isDisabled(), 'it has all of it')
  t.ok(await page.getByRole('checkbox', { name: /:parks$/ }).isChecked(), 'who was refused stays chosen')
  const endpoint = { What: 'PUT /parks/*/bushes' }
  await act(wide, `Give a right to ${own}: parks`, endpoint, 'Give a right', 'The right was given')
  await close(wide)
  await page.getByRole('link', { name: 'All who have rights' }).click()
  await act(wide, `Withdraw all rights of ${own}`, {}, 'Withdraw all', 'Done: 2 of 2.')
  await close(wide)
  t.equal(await page.getByRole('row').filter({ hasText: own }).count(), 0)
}

async function describeByAddress(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const system = await startProviderSystem(world.address(42))
  t.teardown(() => system.close())
  const serve = (...operations: string[]): void =>
    system.answer((_call, response) => response.end(wsdl('http://192.0.2.8/soap', operations)))
  serve('openGate/v1', 'closeGate/v1')
  await wide.open(`/clients/${colons(world.servers.population.client)}`)
  const given = { 'Document, by its address': `${system.url}/gates.wsdl` }
  await act(wide, 'Add by WSDL', given, 'Add by WSDL', '2 services were added')
  await close(wide)
  await page.getByRole('link', { name: 'openGate/v1' }).click()
  const settings = { 'Time-out, in seconds': '9', 'Time-out': 'check' }
  await act(wide, 'Change settings', settings, 'Change settings', 'The settings were changed')
  await close(wide)
  await page.getByRole('link', { name: 'Service description', exact: true }).click()
  await page.getByRole('cell', { name: '9 s' }).nth(1).waitFor()
  t.equal(await page.getByRole('cell', { name: '9 s' }).count(), 2, 'in all services of the WSDL')
  serve('openGate/v1', 'openGate/v2')
  await page.getByRole('button', { name: 'Fetch and compare' }).click()
  await page.getByRole('heading', { name: 'Services that go' }).waitFor()
  await wide.check('services-refreshed')
  serve('openGate/v3')
  await page.getByRole('button', { name: 'Apply this document' }).click()
  await page.getByLabel(/I have read the/).check()
  await page.getByRole('dialog').getByRole('button', { name: 'Apply this document' }).click()
  await page.getByRole('alert').getByText('is not what was accepted').waitFor()
  await leaveDialog(page)
  const anew = page.getByRole('region', { name: 'What it would change' })
  await anew.getByText('This is the comparison as of now').waitFor()
  t.match(await anew.textContent(), /openGate\/v3/)
  t.notMatch(await anew.textContent(), /openGate\/v2/, 'the old comparison is gone')
  await wide.check('services-compared-anew')
  await page.getByLabel('Other address of the document').fill(`${system.url}/moved.wsdl`)
  await page.getByRole('button', { name: 'Look there and compare' }).click()
  await page.getByRole('heading', { name: 'Where it is fetched from' }).waitFor()
  await wide.checkBoth('services-moved')
  await page.getByRole('button', { name: 'Apply this document' }).click()
  await page.getByLabel(/I have read the/).check()
  await page.getByRole('dialog').getByRole('button', { name: 'Apply this document' }).click()
  await outcomeOf(page).getByText('The new document is in force').waitFor()
  await close(wide)
  await page.getByText(`${system.url}/moved.wsdl`).first().waitFor()
}

async function remove(t: Test, { wide, world }: Windows): Promise<void> {
  const { page } = wide
  await wide.open(`/clients/${colons(world.servers.population.client)}`)
  await page.getByRole('link', { name: 'parks', exact: true }).click()
  await act(wide, 'Delete', { 'Name, to confirm': 'parks' }, 'Delete', 'It was deleted')
  await close(wide)
  await page.getByRole('heading', { name: 'Service descriptions' }).waitFor()
  await wide.settled()
  t.equal(await page.getByRole('link', { name: 'parks', exact: true }).count(), 0)
}
