import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { reopenInstallation } from '#central-registry/features/installation/reopen.ts'
import { createInstallationStore } from '#central-registry/features/installation/store.ts'
import { openRegistryDatabase } from '#central-registry/registry.ts'
import { buildConsoles } from '#console/build.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import {
  baseOf as consoleOf,
  hasChromium,
  leaveDialog,
  NAMED,
  openBrowser as openChromium,
  type Visitor,
  visitor,
} from '../browser.ts'
import { baseOf, codeOf, sessionOf } from '../fakes/installed-registry.ts'
import { openBrowser, startOpenIdProvider } from '../fakes/openid-provider.ts'
import { publish, setUp } from '../fakes/registry-sample.ts'
import { registryWorld } from '../fakes/registry-world.ts'
import { authority } from '../fakes/request-world.ts'
import { skipFor } from '../outside-tools.ts'
import { act, close, installed } from '../second-person.ts'
import { until } from '../until.ts'
import { usePasskey } from './use-passkey.ts'

const NARROW = { viewport: { width: 320, height: 640 } }
const OFFICER = 'XROAD_REGISTRATION_OFFICER'
const SYSTEM = 'XROAD_SYSTEM_ADMINISTRATOR'
const issuer = hasChromium() ? await startOpenIdProvider(t) : ''
if (hasChromium()) await buildConsoles()

void t.test('the ceremony, people and keys in the console', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  // Where acts of great weight need a passkey, a key sets nothing up.
  const before = await world.start()
  await setUp(before, authority)
  await before.stop()
  const node = await world.start({ login: issuer, passkeys: NAMED, forActs: true })
  const chromium = await openChromium()
  const stranger = openBrowser(t)
  await stranger.login(baseOf(node), 'zoe')
  const asStranger = (): Promise<Visitor> =>
    visitor(t, chromium, { base: `${baseOf(node)}/console`, context: sessionOf(stranger, node) })
  const zoe = await asStranger()
  await zoe.open('/members')
  await zoe.page.getByText('You are logged in, and have no role yet.').waitFor()
  await zoe.check('guest')
  t.equal(await zoe.page.locator('nav.main-nav a').count(), 0, 'nothing else is there')
  const code = zoe.page.getByLabel('Installation code')
  await code.fill('wrong')
  await zoe.page.getByRole('button', { name: 'Redeem the code' }).click()
  await zoe.page.getByText('not an installation code').waitFor()
  await zoe.check('guest-wrong')
  await code.fill(` ${codeOf(node, 'second')} `)
  await code.press('Enter')
  await zoe.page.getByText('The other code is still to be redeemed').waitFor()
  await zoe.check('guest-redeemed')
  await stranger.login(baseOf(node), 'zoe')
  const admin = await asStranger()
  await admin.open('/')
  await admin.page.getByText('The installation ceremony is not done').waitFor()
  // Before the ceremony is done there is no other administrator.
  const { id } = (await stranger.api(baseOf(node), 'GET', '/session')).body as { id: string }
  const passkeyCode = async (): Promise<string> =>
    ((await node.must('POST', `/people/${id}/passkey-code`)) as { code: string }).code
  await usePasskey(t, admin, passkeyCode, async (verifies) => {
    await admin.open('/people')
    const invited = { 'E-mail address': 'dora@example.org', Observer: 'check' }
    await verifies(false)
    await act(admin, 'Invite a person', invited, 'Invite a person', 'No passkey was used')
    await admin.check('act-by-passkey')
    await admin.page.setViewportSize({ width: 360, height: 740 })
    await admin.look('act-by-passkey-narrow')
    await admin.page.setViewportSize({ width: 1280, height: 800 })
    await leaveDialog(admin.page)
    await verifies(true)
    await act(admin, 'Invite a person', invited, 'Invite a person', 'invited')
    await close(admin)
    await admin.page.getByText('dora@example.org').first().waitFor()
  })
})

void t.test('opened again for one more administrator: shown, closed, redeemed', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const { node, world, base, anna, chromium } = await installed(t, issuer)
  const database = await openRegistryDatabase(node.settings.database)
  t.teardown(() => database.close())
  const file = node.settings.login!.firstCodeFile
  const clock = () => world.clock.now
  const audit = createAuditLog({ database, clock })
  const reopen = () => reopenInstallation({ file, store: createInstallationStore(database), audit, clock })
  await reopen()
  await anna.open('/')
  await anna.check('overview-reopened')
  await anna.page.getByRole('link', { name: /The operator has opened the installation/ }).click()
  await anna.page.getByRole('heading', { name: 'Open for one more administrator' }).waitFor()
  await anna.settled()
  await anna.check('people-reopened')
  await act(anna, 'Close it', {}, 'Close it', 'The code is void.')
  await close(anna)
  await anna.page.getByText('Open for one more administrator').waitFor({ state: 'detached' })
  await reopen()
  const carla = openBrowser(t)
  await carla.login(base, 'carla')
  const one = await visitor(t, chromium, { base: consoleOf(node), context: sessionOf(carla, node) })
  await one.open('/')
  await one.page.getByLabel('Installation code').fill(codeOf(node, 'first'))
  await one.page.getByRole('button', { name: 'Redeem the code' }).click()
  await one.page.getByText('The registry is installed').waitFor()
})

void t.test('people: invited, given roles, locked, unlocked, removed; their keys', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const { node, base, people, anna, ben, propose, approve, chromium } = await installed(t, issuer)
  const decide = async (name: string): Promise<void> => {
    await ben.open('/proposals?view=waiting')
    await ben.page.getByRole('link', { name }).first().click()
    await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
    await close(ben)
  }
  await anna.open('/people')
  await act(
    anna,
    'Invite a person',
    { Observer: 'check', Reason: 'x' },
    'Propose',
    'Enter an e-mail address or a login.',
  )
  await anna.check('invite-wrong')
  await leaveDialog(anna.page)
  const carl = { 'E-mail address': 'carl@example.org', Observer: 'check', Reason: 'joins us' }
  await act(anna, 'Invite a person', carl, 'Propose', 'it waits')
  await close(anna)
  await decide('Invite a person')
  await anna.open('/people?q=carl')
  await anna.page.getByText('invited', { exact: false }).first().waitFor()
  const browser = openBrowser(t)
  await browser.login(base, 'carl')
  await anna.open('/people')
  await anna.check('people')
  t.equal(
    await anna.page.getByRole('button', { name: 'Lock Person anna' }).count(),
    0,
    'nobody locks themselves',
  )
  await act(
    anna,
    'Change roles of Person carl',
    { Auditor: 'check', Reason: 'audits too' },
    'Propose',
    'it waits',
  )
  await close(anna)
  await ben.open('/proposals?view=waiting')
  await ben.page.getByRole('link', { name: "Change a person's roles" }).first().click()
  const about = ben.page.locator('section', { has: ben.page.getByRole('heading', { name: 'The person' }) })
  t.match(await about.textContent(), /Person carl.*Roles nowObserver/)
  await ben.check('proposal-of-roles')
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  await act(anna, 'Lock Person carl', {}, 'Lock', 'The person is locked out.')
  await close(anna)
  t.equal((await browser.api(base, 'GET', '/session')).status, 401)
  await anna.check('people-locked')
  await act(anna, 'Unlock Person carl', { Reason: 'found the laptop' }, 'Propose', 'it waits')
  await close(anna)
  await decide('Unlock a person')
  await anna.open('/people')
  const removal = { 'Name, to confirm': 'Person carl', Reason: 'left' }
  await act(anna, 'Remove Person carl', removal, 'Propose', 'it waits')
  await close(anna)
  await decide('Remove a person')
  t.match(
    await node.must('GET', '/people?q=carl'),
    [{ state: 'removed', roles: [OFFICER, 'x'].slice(2) }].slice(1),
  )

  await anna.open('/api-keys')
  await act(
    anna,
    'Make an API key',
    { Name: 'robot', Observer: 'check', Reason: 'nightly' },
    'Propose',
    'it waits',
  )
  await close(anna)
  await decide('Make an API key')
  await ben.open('/api-keys')
  t.equal(await ben.page.getByRole('button', { name: /Collect/ }).count(), 0, 'only who asked for it')
  await anna.open('/proposals?view=mine')
  await anna.page.getByRole('link', { name: 'Make an API key' }).first().click()
  await anna.page.getByRole('link', { name: /Collect its secret/ }).click()
  await anna.page.getByRole('button', { name: 'Collect the secret of robot' }).waitFor()
  await anna.check('key-to-collect')
  await act(anna, 'Collect the secret of robot', {}, 'Collect', 'it is not shown again')
  const secret = (await anna.page.getByRole('dialog').locator('.id').textContent()) ?? ''
  t.equal((await node.call('GET', '/members', undefined, secret)).status, 200)
  await close(anna)
  t.notMatch(await anna.page.content(), secret, 'gone for ever')

  // What a role must not see: an auditor may read, an observer has none of these pages, a registration
  // officer does not see people.
  for (const [role, seen] of [
    ['XROAD_AUDITOR', { people: 0, proposals: 0 }],
    [OFFICER, { people: undefined, proposals: 0 }],
    ['XROAD_OBSERVER', { people: undefined, proposals: undefined }],
  ] as const) {
    const subject = role.slice(6).toLowerCase()
    await approve(people.ben, await propose(people.anna, 'POST', '/people', { subject, roles: [role] }))
    const other = openBrowser(t)
    await other.login(base, subject)
    const one = await visitor(t, chromium, { base: consoleOf(node), context: sessionOf(other, node) })
    for (const [at, acts] of Object.entries(seen)) {
      await one.open(`/${at}`)
      const said = (await one.page.locator('main').textContent()) ?? ''
      t.equal(said.includes('Your roles do not include'), acts === undefined, `${role} ${at}`)
      const buttons = one.page.locator('main button:not(.paging button):not(.copyable button)')
      t.equal(await buttons.count(), 0, `${role} ${at}: no act`)
    }
    await one.check(`second-person-${subject}`)
  }
  const about77 = { memberClass: 'GOV', memberCode: '77', name: 'x' }
  const { id } = await propose(people.anna, 'POST', '/people', { subject: 'late', roles: [SYSTEM] })
  await propose(people.anna, 'POST', '/members', about77)
  const officer = openBrowser(t)
  await officer.login(base, 'registration_officer')
  const one = await visitor(t, chromium, { base: consoleOf(node), context: sessionOf(officer, node) })
  await one.open('/')
  await one.page.getByText('1 proposal waits for your decision.').waitFor()
  await one.open(`/proposals/${id}`)
  await one.page.getByText('One of these roles decides: System administrator.').waitFor()
  t.equal(await one.page.locator('.head .acts button').count(), 0)
  await one.check('proposal-not-my-role')
  const byKey = await visitor(t, chromium, { base: consoleOf(node), apiKey: secret })
  await byKey.open('/proposals')
  await byKey.page.getByText('Your roles do not include').waitFor()
})

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "{{constructor.constructor('alert(1)')()}}",
  'javascript:alert(1)',
  'שלום עולם (abc) 123',
  'W'.repeat(255),
  '字'.repeat(160),
]

void t.test('hostile strings in proposals, people and requests', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const { people, anna, ben, propose, file, windowOf, node } = await installed(t, issuer)
  const phone = await windowOf(people.ben, NARROW)
  const why = (text: string) => ({ 'x-reason': encodeURIComponent(text) })
  const ids: string[] = []
  for (const [at, text] of HOSTILE.entries()) {
    const member = { memberClass: 'GOV', memberCode: at === 5 ? text : `h${at}`, name: text }
    ids.push((await propose(people.anna, 'POST', '/members', member, why(text))).id)
    const ascii = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
    await propose(people.anna, 'POST', '/people', { subject: ascii, roles: [OFFICER] }, why(text))
    await file({ kind: 'maintenanceModeEnable', message: text.slice(0, 255) })
  }
  const bytes = { name: 'x', url: 'http://tsa.example/', certificate: `-----BEGIN <b>${'A'.repeat(200)}` }
  const bad = await propose(people.anna, 'POST', '/timestamping-services', bytes)
  for (const [name, one] of Object.entries({ wide: ben, narrow: phone })) {
    for (const at of ['/proposals', '/management-requests', '/']) {
      await one.open(at)
      await one.look(`hostile-two-${at.slice(1) || 'overview'}-${name}`)
    }
    for (const [at, id] of ids.entries()) {
      await one.open(`/proposals/${id}`)
      await one.page.getByText('Show the text').click()
      await one.look(`hostile-proposal-${at}-${name}`)
      t.ok(((await one.page.locator('main').textContent()) ?? '').includes(HOSTILE[at]!), 'shown as it is')
    }
  }
  await ben.open(`/proposals/${bad.id}`)
  await ben.page.getByText('This is no certificate that can be read').waitFor()
  await ben.check('proposal-no-certificate')
  const requests = (await node.must('GET', '/management-requests')) as { id: number }[]
  for (const { id } of requests.slice(0, 3)) {
    await phone.open(`/management-requests/${id}`)
    await phone.look('hostile-request')
  }
  for (const at of [
    '/proposals/x',
    '/proposals/%00',
    '/management-requests/0',
    '/proposals?view=evil&page=-1',
  ]) {
    await anna.open(at)
    await anna.look('hostile-two-address')
  }
  await ben.open('/proposals')
  await ben.check('hostile-proposals')
})

void t.test('loading and failing: each page says so', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const { anna, people, propose, node } = await installed(t, issuer)
  const { page } = anna
  const { id } = await propose(people.ben, 'POST', '/members', {
    memberClass: 'GOV',
    memberCode: '1',
    name: 'x',
  })
  for (const [at, api] of [
    ['/people', '**/api/v1/people?*'],
    [`/proposals/${id}`, `**/api/v1/approvals/${id}`],
    ['/management-requests', '**/api/v1/management-requests?*'],
    ['/management-requests/automatic', '**/api/v1/automatic-approvals'],
  ] as const) {
    const held = Promise.withResolvers<void>()
    await page.route(api, async (route) => {
      await held.promise
      await route.continue()
    })
    await page.goto(`${consoleOf(node)}${at}`)
    await page.locator('.loading').first().waitFor()
    held.resolve()
    await anna.settled()
    await page.unroute(api)
    const fault = { type: 'database_error', message: 'the database does not answer', detail: 'abc-1' }
    await page.route(api, (route) => route.fulfill({ status: 503, json: fault }))
    await anna.open(at)
    await page.getByText('the database does not answer').waitFor()
    await anna.check(`failing${at.replaceAll('/', '-').replace(id, 'one')}`)
    await page.unroute(api)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('the database does not answer').waitFor({ state: 'detached' })
  }
})

void t.test('a restored registry is accepted by two', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const { world, node, base, windowOf, people } = await installed(t, issuer)
  await publish(node)
  // The state of a node's folder when an older database was restored.
  writeFileSync(path.join(world.directory, 'highest-published-index'), '1000000')
  await until(
    'the end of the sessions of before',
    async (saw) => saw((await people.anna.api(base, 'GET', '/session')).status) === 401,
    { pauseMs: 100 },
  )
  for (const name of ['anna', 'ben'] as const) await people[name].login(base, name)
  const [anna, ben] = [await windowOf(people.anna), await windowOf(people.ben)]
  await anna.open('/')
  await anna.page.getByRole('link', { name: 'This registry was restored' }).click()
  await anna.page.getByRole('heading', { name: 'This registry was restored' }).waitFor()
  await anna.check('restored')
  const phone = await windowOf(people.anna, NARROW)
  await phone.open('/backups')
  await phone.check('restored-narrow', 'layout')
  await act(anna, 'Accept what was restored', { Reason: 'the disk broke' }, 'Propose', 'it waits')
  await close(anna)
  await ben.open('/backups')
  await ben.page.getByRole('link', { name: 'has proposed to accept' }).click()
  await ben.page.getByRole('heading', { name: 'Accept a restored registry', level: 1 }).waitFor()
  await ben.page.getByText('1,000,000').first().waitFor()
  await ben.check('restored-proposal')
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  await ben.open('/backups')
  await ben.page.getByText('Person anna and Person ben').waitFor()
  await ben.check('restored-accepted')
  await t.rejects(publish(node), /401/, 'the key of before, which nobody named, has ended')
  const { status, body } = await people.ben.api(base, 'POST', '/configuration/publish')
  t.equal(status, 200)
  t.ok((body as { index: number }).index > 1_000_000)
})
