/** What a client may call as a provider says: the states to which no journey comes. */
import t from 'tap'
import type { Element } from '../../document-fixture.ts'
import { openPage } from '../../page-fixture.ts'

type Parts = typeof import('./calls.tsx')

const [CLIENT, PROVIDER] = ['DEV:GOV:1002:tax', 'DEV:GOV:1001:population']
const CONTRACT = { contract: 'c-1', title: 'Taxes of persons', services: ['persons', 'places'] }
const access = {
  ...{ contractsRequired: false, provider: { id: 'DEV:GOV:1001', name: 'Interior' }, contacts: [] },
  contracts: [
    { ...CONTRACT, state: 'ACTIVE' },
    { ...CONTRACT, contract: 'c-2', title: 'Not agreed to', state: 'PROPOSED' },
  ],
}
const offered = (serviceCode: string, allowed: boolean): object => ({ serviceCode, type: 'REST', allowed })
const settings: Record<string, unknown> = {}
/** What the provider answers; each test sets its own. */
const found: Record<string, unknown> = {}
let asked = 0
const page = await openPage<Parts>(t, ['/agency/clients/calls.tsx'], {
  ...{ getClient: { id: CLIENT }, getNames: [], getTryOuts: settings, tryService: {} },
  getContracts: { required: false, contracts: [] },
  get findTryOutServices() {
    asked += 1
    return found
  },
})
const { window } = globalThis as unknown as { window: { location: object } }
const of = (root: Element, name: string): Element[] => root.all(({ localName }) => localName === name)
const words = ({ seen }: Element): string => seen.replaceAll(/\s+/g, ' ').trim()

async function open(search: string, clients = [CLIENT]): Promise<Element> {
  Object.assign(settings, { clients, providers: [{ id: PROVIDER, name: 'Population register' }] })
  Object.assign(window.location, { search })
  const root = await page.show(page.parts.CallsPage, { params: { id: CLIENT } })
  // A choice that the page makes anew in its address is not followed here.
  Object.assign(window, { history: { replaceState: () => undefined }, dispatchEvent: () => true })
  return root
}

async function ask(given: object): Promise<Element> {
  Object.assign(found, given)
  const root = await open(`?view=provider&provider=${PROVIDER}`)
  await page.does(() => of(root, 'form')[0]!.happens('submit'))
  await page.does(() => undefined)
  return root
}

t.test('the provider says what it may call: by a right alone, or with a contract in force', async (t) => {
  const services = [offered('persons', true), offered('vehicles', true), offered('places', false)]
  const before = asked
  const root = await ask({ services, access })
  t.equal(asked, before + 1, 'once')
  const [, ...rows] = of(root, 'tr').map(words)
  t.equal(rows.length, 2, 'nothing to which it has no right')
  t.match(rows[0], /persons.*access right and contract.*Taxes of persons/)
  t.notMatch(rows[0], 'Not agreed to', 'a contract that is not in force allows nothing')
  t.match(rows[1], /vehicles.*access right alone/)
})

t.test('where contracts are required a right alone is none', async (t) => {
  const services = [offered('persons', true), offered('vehicles', true)]
  const root = await ask({ services, access: { ...access, contractsRequired: true } })
  t.equal(of(root, 'tr').length, 2, 'the head, and the service that a contract names')
  t.match(words(root), /access right and contract/)
})

t.test('hundreds are paged; none is said to be none', async (t) => {
  const services = Array.from({ length: 60 }, (_, at) => offered(`service-${at}`, true))
  t.equal(of(await ask({ services, access }), 'tr').length, 1 + 25)
  t.match(words(await ask({ services: [], access })), /The provider lets it call no service/)
})

t.test('nobody is asked before somebody presses the button, or as a client that may not', async (t) => {
  const before = asked
  t.match(words(await open(`?view=provider&provider=${PROVIDER}`)), /See what it may call/)
  const root = await open('?view=provider', [])
  t.match(words(root), /Nobody may try services as DEV:GOV:1002:tax here/)
  t.equal(of(root, 'form').length, 0)
  t.equal(asked, before)
})

t.test('the list of contracts leads there', async (t) => {
  const root = await open('')
  const links = of(root, 'a').map(({ given }) => given.get('href') ?? '')
  t.ok(links.some((link) => link.endsWith('/calls?view=provider')))
  t.match(words(root), /No contract with it as a consumer is in force/)
})
