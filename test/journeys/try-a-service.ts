/**
 * A service administrator tries services in the console: sees what there is and what is missing, reads what a
 * service says of itself, fills in a form, and gets the answer with its evidence, of REST and of SOAP.
 */
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { colons, type World } from '../world.ts'
import type { Asked } from './operate-windows.ts'

type Parties = { client: string; provider: string }

const ROLES = ['XROAD_SERVICE_ADMINISTRATOR', 'XROAD_AUDITOR']
const SAID = [
  '# Plans',
  'Of **all** [regions](https://plans.example/about), not [this](javascript:alert(1)).',
  '- one\n- two',
  '<img src=x onerror=alert(1)> ![a map](https://plans.example/map.png)',
  '| a | b |\n|---|---|\n| 1 | `2` |',
].join('\n\n')

/** As somebody who may try services and open exchanges, on a desk and on a phone. */
export async function tryServices(t: Test, { world, at, browser }: Asked): Promise<void> {
  const { tax, population } = world.servers
  const parties = { client: colons(tax.client), provider: colons(population.client) }
  await addPlans(world, parties.provider)
  await tryService(t, await at(t, browser, ROLES), parties, world)
}

/** A service that nobody has a right to, whose description holds what no page may run or load. */
async function addPlans({ admin }: World, provider: string): Promise<void> {
  const at = `/clients/${provider}/service-descriptions`
  const get = { summary: 'The plans', description: 'As `JSON`.', responses: { 200: { description: 'All' } } }
  const { id } = await admin.population.send<{ id: number }>('POST', at, {
    ...{ type: 'OPENAPI', serviceCode: 'plans', url: 'http://192.0.2.1/' },
    document: JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'Plans of regions', version: '1.4', description: SAID },
      paths: { '/plans': { get } },
    }),
  })
  await admin.population.send('PUT', `/service-descriptions/${id}/enable`)
}

/** Checks each state of the page. */
async function tryService(
  t: Test,
  visitor: Visitor,
  { client, provider }: Parties,
  world: World,
): Promise<void> {
  const { page } = visitor
  await visitor.open('/try-outs')
  await page.getByRole('heading', { name: 'Try a service', level: 1 }).waitFor()
  await visitor.checkBoth('try-outs')
  await page.getByRole('button', { name: 'See what it offers' }).click()
  await page.getByRole('alert').getByText('Whose service').waitFor()
  const own = page.getByLabel('As which subsystem').locator(`option[value="${client}"]`)
  t.match(await own.textContent(), new RegExp(`^[^:]+ \\(${client}\\)$`), 'by its name')
  await page.getByLabel('As which subsystem').selectOption(client)
  await page.getByLabel('Whose service').selectOption(provider)
  await statesOfSearch(t, visitor)
  await page.getByRole('button', { name: 'Show its operations: persons' }).waitFor()
  await visitor.checkBoth('try-outs-services')
  await page.getByLabel('Search by service code').fill('no such service')
  await page.getByText('Nothing fits this search').waitFor()
  await page.getByLabel('Search by service code').fill('')
  await seeWhatIsMissing(t, visitor)
  await tryRest(t, visitor)
  await visitor.open('/try-outs')
  await page.getByLabel('Whose service').selectOption(provider)
  await page.getByRole('button', { name: 'See what it offers' }).click()
  await trySoap(t, visitor, world)
  await askByContract(t, visitor, { client, provider })
}

/** Who lacks access asks for it from there: the form knows the parties and the service already. */
async function askByContract(t: Test, visitor: Visitor, { client, provider }: Parties): Promise<void> {
  const { page } = visitor
  await visitor.open(`/try-outs?client=${provider}`)
  await page.getByText(`Nobody may try services as ${provider} here`).waitFor()
  await visitor.open(`/clients/${client}`)
  await page.getByRole('link', { name: 'What it may call' }).click()
  await page.getByText('No contract with it as a consumer is in force').waitFor()
  await visitor.checkBoth('client-calls-none')
  await page.getByRole('link', { name: 'Ask a provider' }).click()
  await seeWhatItMayCall(t, visitor, provider)
  await page.getByRole('link', { name: 'See all that the provider offers' }).click()
  await page.getByRole('button', { name: 'See what it offers' }).waitFor()
  t.equal(await page.getByLabel('As which subsystem').inputValue(), client)
  t.equal(await page.getByLabel('Whose service').inputValue(), provider)
  await page.getByRole('button', { name: 'See what it offers' }).click()
  await page.getByRole('button', { name: 'What is missing: plans' }).click()
  const ask = page.getByRole('link', { name: 'Ask for access: propose a contract for this service' })
  // Here no contract is needed: one that all have agreed to would still not be enough.
  await page.locator('p').filter({ has: ask }).getByText('the provider gives the right besides').waitFor()
  await ask.click()
  const values = { Provider: provider, 'Consumer 1': client, 'Service 1: code': 'plans' }
  for (const [label, value] of Object.entries(values))
    t.equal(await page.getByLabel(label).first().inputValue(), value, label)
  // From there to a proposal about nothing yet: the page is the same, its address another.
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Search this console' }).waitFor()
  await page.keyboard.type('Propose a contract')
  await page.getByRole('option', { name: 'Propose a contract' }).first().click()
  await page.waitForURL(/\/contracts\/propose$/)
  await visitor.answered()
  t.equal(await page.getByLabel('Provider').first().inputValue(), '', 'a new form')
}

/** Of a client: what a provider lets it call without any contract. */
async function seeWhatItMayCall(t: Test, visitor: Visitor, provider: string): Promise<void> {
  const { page } = visitor
  await page.getByLabel('Whose service').waitFor()
  await visitor.checkBoth('client-calls-provider')
  await page.getByLabel('Whose service').selectOption(provider)
  await failOnce(visitor, 'See what it may call', 'client-calls-failed')
  const row = page.getByRole('row', { name: /persons/ })
  await row.getByText('access right alone').waitFor()
  t.equal(await page.getByRole('row', { name: /plans/ }).count(), 0, 'to which it has no right')
  await visitor.checkBoth('client-calls-rights')
  await page.getByRole('searchbox').fill('no such service')
  await page.getByText('Nothing fits this search').waitFor()
  await page.getByRole('searchbox').fill('persons')
  await row.waitFor()
}

/** While the provider is asked, and when it does not answer. */
async function statesOfSearch(t: Test, visitor: Visitor): Promise<void> {
  t.match(
    await failOnce(visitor, 'See what it offers', 'try-outs-failed'),
    /abc-3/,
    'what to look for in the log',
  )
}

/** Presses the button while no provider answers, and tries again. Returns what the page said meanwhile. */
async function failOnce({ page, checkBoth }: Visitor, button: string, name: string): Promise<string> {
  const held = Promise.withResolvers<void>()
  const fault = { type: 'network_error', message: 'the provider does not answer', detail: 'abc-3' }
  await page.route('**/try-outs/services', async (route) => {
    await held.promise
    await route.fulfill({ status: 502, json: fault })
  })
  await page.getByRole('button', { name: button }).click()
  await page.getByText('Loading …').waitFor()
  held.resolve()
  await page.getByText('the provider does not answer').waitFor()
  await checkBoth(name)
  const said = await page.locator('main').textContent()
  await page.unroute('**/try-outs/services')
  await page.getByRole('button', { name: 'Try again' }).click()
  return said ?? ''
}

async function seeWhatIsMissing(t: Test, { page, checkBoth }: Visitor): Promise<void> {
  const row = page.getByRole('row', { name: /plans/ })
  await row.getByText('no right yet').waitFor()
  await row.getByRole('button', { name: 'What is missing: plans' }).click()
  await page.getByText('has given DEV:GOV:1002:tax no access right').waitFor()
  await page.getByText('Plans of regions').waitFor()
  const main = page.locator('main')
  t.match(await main.textContent(), /The service administrators of .+ \(DEV:GOV:1001\)/, 'whom to ask')
  await main.locator('.markdown strong').getByText('all').waitFor()
  t.equal(await main.locator('.markdown img, .markdown a[href^="javascript"]').count(), 0)
  t.match(await main.locator('.markdown').first().textContent(), /<img src=x onerror=alert\(1\)>.*a map/)
  const link = main.getByRole('link', { name: 'regions' })
  t.equal(await link.getAttribute('rel'), 'noopener noreferrer')
  t.match(await main.textContent(), /\(https:\/\/plans\.example\/about\)/, 'where it leads')
  t.equal(await main.getByRole('cell', { name: '2', exact: true }).locator('code').count(), 1, 'a table')
  t.equal(await page.getByRole('button', { name: 'Send' }).count(), 0, 'no form for what would be refused')
  await page.locator('details.operation').getByText('HTTP 200').waitFor()
  await checkBoth('try-outs-missing')
}

async function tryRest(t: Test, visitor: Visitor): Promise<void> {
  const { page } = visitor
  const main = page.locator('main')
  await page.getByRole('button', { name: 'Show its operations: persons' }).click()
  const one = page.locator('details').filter({ hasText: 'GET /persons/{code}' }).first()
  await one.locator('summary').first().click()
  await visitor.checkBoth('try-outs-form')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByRole('alert').getByText('code (in the path)').waitFor()
  await one.getByLabel('code (in the path)').fill('P00000007')
  await one.getByLabel('Case').fill('Fall ä')
  await one.getByLabel('Reason').fill('names are missing')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByRole('alert').getByText('without accents').waitFor()
  await one.getByLabel('Case').fill('2026-117')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByText('The service answered.').waitFor()
  t.match(await one.getByLabel('Content').inputValue(), /"code": "P00000007"/)
  t.match(await one.textContent(), /HTTP 200/)
  await visitor.checkBoth('try-outs-answer')
  await one.getByLabel('code (in the path)').fill('P0000000/../7')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByText('Refused on the way').or(one.getByText('HTTP 400')).first().waitFor()
  await visitor.checkBoth('try-outs-refused')
  await one.getByLabel('code (in the path)').fill('P00000007')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByRole('link', { name: /^Record/ }).click()
  await page.getByText('2026-117').first().waitFor()
  t.match(await main.textContent(), /key:[0-9a-f-]{36}/, 'the record names who asked')
}

/** The provider's system of the sandbox speaks SOAP; its WSDL was asked of its security server. */
async function trySoap(t: Test, visitor: Visitor, { admin }: World): Promise<void> {
  const { page } = visitor
  await page.getByRole('button', { name: 'Show its operations: getPerson/v1' }).click()
  const one = page.locator('details.operation')
  const element = one.getByLabel('The element in the body of the SOAP document')
  await element.waitFor()
  const sample = await element.inputValue()
  t.match(sample, /<\w+:getPerson xmlns:\w+="http:\/\/population\.example"/, 'a sample that fits the WSDL')
  await element.fill(sample.replace(/(<(?:\w+:)?code>)[^<]*/, '$1P00000007'))
  await one.getByLabel('Case').fill('2026-118')
  await one.getByLabel('Reason').fill('names are missing')
  await one.getByRole('button', { name: 'Send' }).click()
  await one.getByText('The service answered.').waitFor()
  const answer = await one.getByLabel('Content').inputValue()
  t.match(answer, /\n +<code>P00000007<\/code>\n/, 'a line for each element')
  t.match(answer, /getPersonResponse/)
  await visitor.checkBoth('try-outs-soap')
  await admin.tax.send('POST', '/message-log/time-stamp')
  await admin.tax.send('POST', '/message-log/checkpoint')
  await one.getByRole('link', { name: /^Record/ }).click()
  await page.getByRole('heading', { name: 'Exchange' }).waitFor()
  await page.getByText('2026-118').first().waitFor()
  await page.locator('.status').filter({ hasText: 'passed' }).nth(1).waitFor()
}
