import { readFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { registryApi } from '#central-registry/admin/api.ts'
import { openRegistryDatabase } from '#central-registry/registry.ts'
import { createAuthority } from '#certs/authority.ts'
import { buildConsoles } from '#console/build.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { baseOf, goThrough, hasChromium, keyOf, openBrowser, type Visitor, visitor } from '../browser.ts'
import { certificateProfiles } from '../certificate-profiles.ts'
import { applyFile } from '../fakes/applied-file.ts'
import { forkLog, offerService, orderAudit, refusedMail, troubleInTheFleet } from '../fakes/console-sample.ts'
import { trustedAnchor } from '../fakes/external-anchor.ts'
import { certificationRequest, publish, setUp } from '../fakes/registry-sample.ts'
import { registryWorld } from '../fakes/registry-world.ts'
import { examineInstance, startRunningInstance } from '../fakes/running-instance.ts'
import { ROOT } from '../house/source-files.ts'
import { tabThrough } from '../keyboard.ts'
import { seeListEmpty, walkListStates } from '../list-states.ts'
import { skipFor } from '../outside-tools.ts'
import { act } from '../second-person.ts'
import { PHONE } from './find-way.ts'
import { pick, pickInRegistry } from './pick.ts'
import { wayThroughRegistry } from './way-through-registry.ts'

const PAGES: Record<string, string> = {
  overview: '/',
  members: '/members',
  member: '/members/DEV:GOV:1234',
  subsystems: '/subsystems',
  subsystem: '/subsystems/DEV:GOV:1234:pop%20%C3%A4',
  'security-servers': '/security-servers',
  'security-server': '/security-servers/DEV:GOV:1234:SS1',
  fleet: '/fleet',
  'fleet-server': '/fleet/DEV:GOV:1234:SS1',
  ...{ outages: '/fleet/outages', logs: '/fleet/logs' },
  'audit-orders': '/audit-orders',
  ...{ campaigns: '/fleet/campaigns', campaign: '/fleet/campaigns/1' },
  catalogue: '/catalogue',
  'catalogue-service': '/catalogue/DEV:GOV:1234:pop%20%C3%A4:persons',
  contracts: '/contracts',
  suspensions: '/suspensions',
  ...{ 'trust-services': '/trust-services', 'trusted-issuers': '/trusted-issuers' },
  'hosting-mandates': '/hosting-mandates',
  successions: '/successions',
  succession: '/successions/1',
  'succession-plan':
    '/members/DEV:GOV:1234/succession?successor=DEV:GOV:5678&servers=SS1&subsystems=pop%2520%25C3%25A4',
  explanation:
    '/explanation?consumer=DEV:GOV:1234:plain&provider=DEV:GOV:1234:pop%20%C3%A4&serviceCode=persons',
  federation: '/external-anchors',
  ...{ imports: '/imports', import: '/imports/1', mail: '/mail-messages' },
  ...{ 'global-groups': '/global-groups', 'global-group': '/global-groups/owners' },
  ...{ configuration: '/configuration', people: '/people', proposals: '/proposals' },
  'management-requests': '/management-requests',
  'automatic-approval': '/management-requests/automatic',
  'api-keys': '/api-keys',
  'audit-log': '/audit-log',
  ...{ backups: '/backups', 'applied-files': '/revisions', nodes: '/nodes' },
  settings: '/settings',
}
const NARROW = { viewport: { width: 320, height: 640 } }
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
if (hasChromium()) await buildConsoles()

void t.test('what two persons agree to has words', async (t) => {
  const english = JSON.parse(readFileSync(path.join(ROOT, 'console/texts/en.json'), 'utf8')) as Record<
    string,
    string
  >
  for (const { id, url } of readOperations(await registryApi()).filter(({ fourEyes }) => fourEyes)) {
    t.ok(english[`operation.${id}`], id)
    if (url.includes(':id')) t.ok(english[`field.id.${id}`], `${id}: and so has what it is about`)
  }
})

/** All lists of this console are one component, which says itself that it is loading, refused or failing. */
const IN_ALL_STATES = 'members'
/** Whose rows came with the page. */
const HELD = new Set(['logs', 'fleet-server', 'catalogue-service'])

/** What each list offers, and what it says when nothing matches and when it is empty. */
async function checkList(t: Test, one: Visitor, name: string, address: string): Promise<void> {
  if (name !== IN_ALL_STATES) return seeListEmpty(t, one, name, HELD.has(name))
  await one.open(`${address}?q=no%20such%20thing`)
  await one.page.getByText('Nothing fits this search').waitFor()
  t.equal(await one.page.getByRole('searchbox').inputValue(), 'no such thing', `${address}: a search`)
  await walkListStates(t, one, name)
}

void t.test('every page, wide and at 400 %, full and empty', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  // A token that is away: its part of the page is shown all the same.
  const signingToken = { socket: path.join(world.directory, 'no-socket'), label: 'registry' }
  const backups = { directory: path.join(world.directory, 'backups'), keyFile: '', hour: 3, keep: 30 }
  const node = await world.start({ registration: true, settings: { signingToken, backups } })
  const browser = await openBrowser()
  const asked = { base: baseOf(node), apiKey: keyOf(node) }
  const wide = await visitor(t, browser, asked)
  for (const name of Object.keys(PAGES).filter((one) => !/r$|m$|p$/.test(one) || one === 'subsystems')) {
    await wide.open(PAGES[name]!)
    await wide.look(`${name}-empty`)
  }
  await wide.open('/')
  await wide.check('overview-empty')
  t.equal(await wide.page.locator('.waiting li').count(), 4, 'what a new instance lacks')
  await wide.open('/no/such/page')
  await wide.check('no-page')

  await setUp(node, authority)
  const certificate = await authority.issue({
    request: certificationRequest(),
    profile: 'authentication',
    subject: [['CN', 'ss1.example']],
    notBefore: new Date(world.clock.now - 1000),
    notAfter: new Date(world.clock.now + 10 * 86_400_000),
  })
  await node.must('POST', '/security-servers/DEV:GOV:1234:SS1/authentication-certificates', certificate.der)
  await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Heir' })
  await node.must('POST', '/hosting-mandates', {
    ...{ host: 'DEV:GOV:1234', client: 'DEV:GOV:5678' },
    validUntil: new Date(world.clock.now + 20 * 86_400_000).toISOString(),
  })
  await node.must('POST', '/members/DEV:GOV:1234/successions', {
    ...{ successor: 'DEV:GOV:5678', subsystems: [{ subsystemCode: 'plain' }] },
  })
  await node.must('POST', '/suspensions', {
    kind: 'certificate',
    subject: 'ab'.repeat(32),
    reason: '<b>lost</b>',
  })
  await node.must('POST', '/backups')
  await applyFile(node)
  await examineInstance(node, await startRunningInstance(t, world.clock.now))
  await publish(node)
  await troubleInTheFleet(authority, node, world.clock.now)
  await offerService(node.settings.database)
  await orderAudit(node.settings.database, world.clock.now)
  await forkLog(node.settings.database, world.clock.now)
  const lists: string[] = []
  let controls = 0
  for (const [name, address] of Object.entries(PAGES)) {
    // Any address answers with the console (serve-pages.test.ts), and a page reads its own the same way
    // whether it is the first one or not. Those that say which one, as in a mail, are loaded.
    await (/[?]|\/.+\//.test(address) ? wide.load : wide.open)(address)
    await wide.check(name)
    await wide.page.setViewportSize(NARROW.viewport)
    await (name === 'settings' ? wide.check(`${name}-narrow`, 'layout') : wide.look(`${name}-narrow`))
    controls += await tabThrough(t, wide.page, name)
    if ((await wide.page.locator('main .list input[type="search"]').count()) > 0) {
      lists.push(name)
      await checkList(t, wide, name, address)
    }
    await wide.page.setViewportSize({ width: 1280, height: 800 })
  }
  const narrow = await visitor(t, browser, { ...asked, context: NARROW })
  t.ok(lists.length > 20, `${lists.length} lists`)
  t.ok(controls > 200, `${controls} controls`)
  await narrow.load('/')
  await narrow.page.getByText('1 proof that a log was written anew').waitFor()
  t.match(await narrow.page.locator('.chart .label').first().textContent(), /[a-z]/i, 'a month is a word')
  await tabThrough(t, narrow.page, 'the whole overview', 'body')
  await wayThroughRegistry(t, wide, await visitor(t, browser, { ...asked, context: PHONE }))
  const anchor = `/external-anchors/${await trustedAnchor(t, node, world.clock.now)}`
  await wide.open(anchor)
  await wide.check('external-anchor')
  await narrow.load(anchor)
  await narrow.check('external-anchor-narrow', 'layout')
  await wide.open('/external-anchors')
  await wide.page.getByRole('button', { name: 'Examine an anchor' }).click()
  await wide.check('examine-anchor')
  await wide.open(PAGES['catalogue-service']!)
  await wide.page.getByRole('button', { name: 'Show or hide it as text' }).click()
  t.equal(await wide.page.getByLabel('OpenAPI or WSDL document').inputValue(), '<script>')
  await wide.page.getByRole('button', { name: 'Request access' }).click()
  await pick(wide.page, 'Subsystem that asks', 'pop', 'DEV:GOV:1234:pop ä')
  await wide.check('request-access')
  await pickInRegistry(wide)
  await certificateProfiles(t, wide, narrow, certificate.der)
  await wide.open('/members/DEV:GOV:none')
  t.match(await wide.page.locator('main').textContent(), /There is no such thing here/)
  await wide.check('no-member')

  await wide.open('/members/DEV:GOV:1234')
  await wide.page.emulateMedia({ media: 'print' })
  t.notOk(await wide.page.locator('nav.main-nav').isVisible(), 'paper has no navigation')
  t.notOk(await wide.page.getByRole('button', { name: 'Rename' }).isVisible(), 'and no acts')
  await wide.check('member-print')
})

void t.test('loading, failing, refused and ended: each says so', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  const node = await world.start()
  await setUp(node, authority)
  const { id, secret } = (await node.must('POST', '/api-keys', {
    name: 'short-lived',
    roles: ['XROAD_OBSERVER'],
  })) as { id: string; secret: string }
  const browser = await openBrowser()
  const one = await visitor(t, browser, { base: baseOf(node), apiKey: secret })
  const { page } = one
  const main = page.locator('main')
  const held = Promise.withResolvers<void>()
  await page.route('**/api/v1/members?*', async (route) => {
    await held.promise
    await route.continue()
  })
  await page.goto(`${baseOf(node)}/members`)
  await page.getByText('Loading …').waitFor()
  held.resolve()
  await page.getByRole('cell', { name: 'DEV:GOV:1234' }).waitFor()
  await page.unroute('**/api/v1/members?*')

  await page.route('**/api/v1/members?*', (route) => route.abort())
  await one.open('/members')
  t.match(await main.textContent(), /The server does not answer/)
  await one.check('unreachable')
  await page.unroute('**/api/v1/members?*')
  const fault = { type: 'database_error', message: 'the database does not answer', detail: 'abc-1' }
  await page.route('**/api/v1/members?*', (route) => route.fulfill({ status: 503, json: fault }))
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('the database does not answer').waitFor()
  t.match(await main.textContent(), /abc-1/)
  await one.check('failed')
  await page.unroute('**/api/v1/members?*')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('cell', { name: 'DEV:GOV:1234' }).waitFor()

  await node.must('DELETE', `/api-keys/${id}`)
  await goThrough(page, 'Members', 'Subsystems')
  await page.getByText('Your session has ended').waitFor()
  await one.check('session-ended')
})

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "{{constructor.constructor('alert(1)')()}}",
  'javascript:alert(1)',
  'שלום עולם (abc) 123',
  'مرحبا <b>',
  'W'.repeat(255),
  '字'.repeat(255),
  '%s %n #{7*7} &amp;',
]

void t.test('hostile strings in every field that is shown', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  const node = await world.start()
  await setUp(node, authority)
  const codes = ['C'.repeat(255), "<u>'x'", 'ש"ל']
  await node.must('POST', '/member-classes', { code: '<i>K', description: HOSTILE[1] })
  for (const [at, name] of HOSTILE.entries()) {
    const memberCode = codes[at] ?? `m${at}`
    const member = `DEV:GOV:${memberCode}`
    const path = `/members/${encodeURIComponent(member)}`
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode, name })
    await node.must('POST', `${path}/subsystems`, { subsystemCode: codes[at] ?? 's', name })
    await node.must('POST', '/global-groups', { code: codes[at] ?? `g${at}`, description: name })
    await node.must('POST', '/api-keys', { name, roles: ['XROAD_OBSERVER'] })
  }
  const long = `DEV:GOV:${codes[0]}`
  const server = `${long}:${codes[0]}`
  const encoded = encodeURIComponent(server)
  await node.must('POST', '/security-servers', { id: server, address: `${'a'.repeat(60)}.example` })
  const client = `DEV:GOV:${codes[1]}:${codes[1]}`
  await node.must('POST', `/security-servers/${encoded}/clients`, { client })
  await node.must('POST', `/global-groups/${codes[0]}/members`, { client })
  await refusedMail(node.settings.database, `${'w'.repeat(64)}@${'w'.repeat(60)}.example`, HOSTILE)
  const browser = await openBrowser()
  const asked = { base: baseOf(node), apiKey: keyOf(node) }
  const visitors = {
    wide: await visitor(t, browser, asked),
    narrow: await visitor(t, browser, { ...asked, context: NARROW }),
  }
  const addresses: Record<string, string> = {
    members: '/members',
    member: `/members/${encodeURIComponent(long)}`,
    subsystems: '/subsystems',
    subsystem: `/subsystems/${encodeURIComponent(client)}`,
    'security-servers': '/security-servers',
    'security-server': `/security-servers/${encoded}`,
    'global-groups': '/global-groups',
    'global-group': `/global-groups/${codes[0]}`,
    'api-keys': '/api-keys',
    mail: '/mail-messages',
    settings: '/settings',
    'audit-log': '/audit-log?q=%3Cscript%3Ealert(1)',
  }
  for (const [name, address] of Object.entries(addresses)) {
    for (const [width, one] of Object.entries(visitors)) {
      await one.open(address)
      await one.look(`hostile-${name}-${width}`)
    }
  }
  const { page } = visitors.wide
  await visitors.wide.check('hostile-audit-log')
  // Our own API refuses such a name; registries and servers of others accept it.
  await page.route('**/api/v1/members?*', async (route) => {
    const response = await route.fetch()
    // Too many requests at a time, for example: the page repeats the request by itself.
    if (!response.ok()) return route.fulfill({ response })
    const [first, ...rest] = (await response.json()) as object[]
    await route.fulfill({ response, json: [{ ...first, name: 'evil\u202etxt\u009b\u0007.exe' }, ...rest] })
  })
  await visitors.wide.open('/members')
  await page.getByText('evil\ufffdtxt\ufffd\ufffd.exe').first().waitFor()
  t.notMatch(await page.locator('main').textContent(), /[\u202e\u009b\u0007]/)
  await page.unroute('**/api/v1/members?*')
  await visitors.wide.open('/mail-messages')
  await act(
    visitors.wide,
    /what was not delivered/,
    {},
    'Send again what was not delivered',
    '1 message waits to be',
  )
  await visitors.wide.check('mail-retry-all')
  await visitors.wide.open('/members')
  for (const name of HOSTILE)
    t.equal(await page.getByText(name, { exact: true }).count(), 1, `shown as it is: ${name.slice(0, 30)}`)
  for (const address of [
    '/members?page=-1',
    '/members?page=1e9&size=7&sort=evil',
    '/members?q=%00',
    '/members/a%2Fb',
  ]) {
    await visitors.wide.open(address)
    await visitors.wide.look('hostile-address')
  }
})

void t.test('50,000 subsystems: found, ordered and paged by the server, kept in the address', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  const url = `sqlite:${path.join(world.directory, 'registry.db')}`
  await fill(url, 50_000)
  const node = await world.start()
  await node.must('PUT', '/system', { instance: 'DEV' })
  const browser = await openBrowser()
  const one = await visitor(t, browser, { base: baseOf(node), apiKey: keyOf(node) })
  const { page } = one
  const rows = page.locator('tbody tr')
  await one.open('/subsystems')
  t.match(await page.locator('.paging').textContent(), /1 to 25 of 50,000/)
  t.equal(await rows.count(), 25, 'the page holds one part')
  await one.check('many')
  await page.getByRole('button', { name: 'Last' }).click()
  await page.getByText('49,976 to 50,000 of 50,000').waitFor()
  await page.locator('tr', { hasText: /^Subsystem \d+DEV:GOV:m9999:s/ }).waitFor()
  await page.getByRole('button', { name: /^Name/ }).click()
  await page.getByText('1 to 25 of 50,000').waitFor()
  await page.getByRole('button', { name: /^Name/ }).click()
  await page.waitForURL(/sort=-name/)
  // The list is loaded after the address has changed; the old rows stay until the answer comes.
  await rows.first().getByText('Subsystem 9999').waitFor()
  await page.getByRole('searchbox').fill('m4321')
  await page.getByText('1 to 11 of 11').waitFor()
  t.match(page.url(), /sort=-name&q=m4321$/)
  const shared = await visitor(t, browser, { base: baseOf(node), apiKey: keyOf(node) })
  await shared.page.goto(page.url())
  await shared.settled()
  t.equal(await shared.page.locator('tbody tr').count(), 11, 'the address is the view')
  t.equal(await shared.page.getByRole('searchbox').inputValue(), 'm4321')
  await page.goBack()
  await one.settled()
  await page.goForward()
  await one.settled()
  await page.getByRole('searchbox').fill('no such subsystem')
  await page.getByText('Nothing fits this search').waitFor()
  await one.check('none-fits')
})

/** Makes this many members with a subsystem each, before the registry starts. */
async function fill(url: string, count: number): Promise<void> {
  const database = await openRegistryDatabase(url)
  type Rows = Record<'member_class' | 'member' | 'subsystem', Record<string, string>>
  const tables = tablesOf<Rows>(database)
  const created_at = '2026-03-01T12:00:00.000Z'
  await tables.insertInto('member_class').values({ code: 'GOV', description: 'Government' }).execute()
  for (let from = 0; from < count; from += 500) {
    const part = Array.from({ length: 500 }, (_, at) => from + at)
    const id = (at: number): string => `DEV/GOV/m${at}`
    const members = part.map((at) => ({ id: id(at), member_class: 'GOV', name: `Member ${at}`, created_at }))
    await tables.insertInto('member').values(members).execute()
    const subsystems = part.map((at) => ({
      id: `${id(at)}/s`,
      member: id(at),
      name: `Subsystem ${at}`,
      created_at,
    }))
    await tables.insertInto('subsystem').values(subsystems).execute()
  }
  await database.close()
}
