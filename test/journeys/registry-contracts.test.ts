/**
 * Contracts and suspensions in the console of an installed registry: read, compared, decided on by two,
 * suspended and resumed.
 */
import t from 'tap'
import { ROLES } from '#central-registry/admin/first-api-key.ts'
import { buildConsoles } from '#console/build.ts'
import {
  baseOf as consoleOf,
  hasChromium,
  keyOf,
  leaveDialog,
  openBrowser as openChromium,
  outcomeOf,
  type Visitor,
  visitor,
} from '../browser.ts'
import { agreed, propose, startContracts, stateOf } from '../fakes/contract-world.ts'
import { hashOf, inDays } from '../fakes/contracts.ts'
import { baseOf, install, sessionOf } from '../fakes/installed-registry.ts'
import { authenticationParty } from '../fakes/management-requests.ts'
import { type Browser, startOpenIdProvider } from '../fakes/openid-provider.ts'
import { publish } from '../fakes/registry-sample.ts'
import { authority, OWNER } from '../fakes/request-world.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, postgresql } from '../postgresql.ts'
import { act, close } from '../second-person.ts'
import { until } from '../until.ts'
import { pick } from './pick.ts'

const NARROW = { viewport: { width: 320, height: 640 } }
const issuer = hasChromium() ? await startOpenIdProvider(t) : ''
if (hasChromium()) await buildConsoles()

/**
 * The acts that each role is offered on a contract in force, and on one that waits. People cannot confirm
 * their own suspensions.
 */
const ACTS: Record<string, { active: string[]; accepted: string[] }> = {
  XROAD_REGISTRATION_OFFICER: {
    active: ['Decline', 'Suspend', 'Terminate'],
    accepted: ['Approve', 'Decline'],
  },
  XROAD_SECURITY_OFFICER: { active: ['Suspend'], accepted: [] },
}

const actsOf = async ({ page }: Visitor): Promise<string[]> =>
  page.locator('main .head .acts button').allTextContents()

void t.test('a contract is read, approved by two, suspended by one, confirmed, resumed by two', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const database = hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const w = await startContracts(t, database, { login: issuer })
  const { node, world } = w
  await publish(node)
  const { certificate } = await authenticationParty(authority)
  await node.must('POST', '/security-servers/DEV:GOV:5678:SS1/authentication-certificates', certificate.der)
  const { now } = world.clock
  const waiting = await agreed(w, { personalData: true, title: 'Persons <b>& more</b>' })
  const services = [
    {
      serviceCode: 'horses',
      endpoints: [{ method: 'GET', path: '/horses/*' }],
      responseFields: ['/name', '/breed'],
      dataSubject: { in: 'path' as const, name: 'id' },
    },
  ]
  const active = await agreed(w, {
    ...{ title: 'Horses', services, quota: { perSecond: 5, burst: 10 }, secret: { visibleTo: [OWNER] } },
    ...{ validUntil: inDays(now, 20), reviewAt: inDays(now, 10) },
  })
  const next = {
    ...active,
    ...{ version: 2, supersedes: hashOf(active), purpose: 'Another purpose', validUntil: inDays(now, 400) },
    services: [{ ...services[0]!, responseFields: ['/name'] }],
  }
  await propose(w, next, OWNER)
  const pages = { active: `/contracts/${active.contract}`, accepted: `/contracts/${waiting.contract}` }
  const chromium = await openChromium()
  for (const role of ROLES) {
    const { secret } = (await node.must('POST', '/api-keys', { name: role, roles: [role] })) as {
      secret: string
    }
    const one = await visitor(t, chromium, { base: consoleOf(node), apiKey: secret })
    for (const [name, address] of Object.entries(pages)) {
      await one.open(address)
      const offered = ACTS[role]?.[name as 'active'] ?? []
      t.same((await actsOf(one)).sort(), offered.toSorted(), `${role} ${name}`)
    }
    if (role === 'XROAD_OBSERVER') await one.check('contract-observer')
  }

  const people = await install(t, node)
  const windowOf = (browser: Browser, more = {}): Promise<Visitor> =>
    visitor(t, chromium, { base: consoleOf(node), context: { ...sessionOf(browser, node), ...more } })
  const [anna, ben] = [await windowOf(people.anna), await windowOf(people.ben)]
  const narrow = await windowOf(people.ben, NARROW)

  await anna.open('/')
  await anna.page.getByText('1 service contract ends within 30 days.').waitFor()
  await anna.check('overview-contracts')
  await anna.page.getByRole('link', { name: '1 service contract waits for approval.' }).click()
  await anna.page.getByRole('link', { name: waiting.title }).waitFor()
  await anna.open('/contracts')
  await anna.check('contracts-list')
  t.equal(await anna.page.locator('tbody tr').count(), 3)
  for (const [asked, rows] of [
    ['horses', 2],
    ['DEV:GOV:5678', 3],
    [waiting.contract, 1],
  ] as const) {
    await anna.open(`/contracts?q=${encodeURIComponent(asked)}`)
    t.equal(await anna.page.locator('tbody tr').count(), rows, asked)
  }
  await anna.open('/contracts?state=PROPOSED&member=DEV:GOV:5678')
  t.equal(await anna.page.locator('tbody tr').count(), 1)
  await narrow.open('/contracts')
  await narrow.look('contracts-list-narrow')

  await anna.open(pages.accepted)
  await anna.check('contract-accepted')
  t.match(await anna.page.locator('.timeline').textContent(), /sealed by all parties/)
  await act(anna, 'Approve', { Reason: 'It is needed.' }, 'Propose', 'it waits for a second administrator')
  await close(anna)
  await ben.open('/proposals?view=waiting')
  await ben.page.getByRole('link', { name: 'Approve a service contract' }).click()
  await ben.page.getByText('your browser finds the same').waitFor()
  await ben.page.getByText('Tax Procedure Act, section 18').waitFor()
  await ben.check('proposal-contract')
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  t.equal(await stateOf(w, waiting), 'ACTIVE')
  await ben.open(pages.accepted)
  const events = (await ben.page.locator('.timeline').first().textContent()) ?? ''
  t.match(events, /approved, in force/)
  t.match(events, /Person anna, approved by Person ben/, 'names')
  t.notMatch(events, /[0-9a-f]{8}-[0-9a-f]{4}/, 'no ids of people')

  await anna.open(pages.active)
  await anna.page.getByText('They differ in 3 fields.').waitFor()
  await anna.check('contract-versions')
  await anna.page.getByRole('button', { name: 'Also what is the same' }).click()
  await anna.page.locator('.status', { hasText: 'the same' }).first().waitFor()
  await anna.page.getByRole('combobox', { name: 'Show' }).selectOption('2')
  await anna.page.getByText('Terms of version 2').waitFor()
  await anna.check('contract-versions-whole')
  await narrow.load(pages.active)
  await narrow.check('contract-narrow')

  await anna.open(pages.active)
  await anna.page.getByRole('button', { name: 'Suspend', exact: true }).click()
  const dialog = anna.page.getByRole('dialog')
  await dialog.getByText('Service contracts: 2').waitFor()
  t.match(await dialog.textContent(), /horses.*Not known to the registry/s)
  await anna.check('contract-suspend')
  await leaveDialog(anna.page)
  const why = { 'Reason, for the parties': 'A leak is being looked into.' }
  await act(anna, 'Suspend', why, 'Suspend', 'The contract is suspended.')
  await close(anna)
  await anna.page.getByRole('heading', { name: 'Emergency suspension' }).waitFor()
  await anna.check('contract-suspended')
  t.equal(await anna.page.getByRole('button', { name: /Confirm/ }).count(), 0, 'never who suspended')
  t.equal(await stateOf(w, active), 'SUSPENDED')

  await ben.open('/')
  await ben.check('overview-suspension')
  await ben.page.getByRole('link', { name: '1 suspension waits for a second person to confirm it.' }).click()
  await ben.page.getByRole('link', { name: 'Horses' }).waitFor()
  await ben.settled()
  await ben.check('suspensions-unconfirmed')
  await narrow.open('/suspensions')
  await narrow.check('suspensions-narrow')
  await act(ben, /^Confirm/, {}, 'Confirm', 'The suspension is confirmed.')
  await close(ben)
  await ben.page.getByText('Nothing fits this search').waitFor()
  await anna.open('/suspensions')
  await anna.page.getByText('0 of 10').waitFor()
  await act(anna, /^Lift/, { Reason: 'It was none.' }, 'Propose', 'it waits for a second administrator')
  await close(anna)
  await ben.open('/proposals?view=waiting')
  await ben.page.getByRole('link', { name: 'Lift an emergency suspension' }).click()
  await ben.page.getByText('your browser finds the same').waitFor()
  await ben.page.getByRole('heading', { name: 'Contract Horses' }).waitFor()
  await ben.check('proposal-lift')
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  t.equal(await stateOf(w, active), 'ACTIVE')

  // Its termination takes two people, and the parties read the reason.
  await anna.open(pages.accepted)
  await anna.page.getByRole('button', { name: 'Terminate', exact: true }).click()
  await anna.check('contract-terminate')
  await dialog.getByLabel('Reason, for the parties').fill('The law was repealed.')
  await dialog.getByLabel('Reason', { exact: true }).fill('The parliament decided.')
  await dialog.getByLabel('Name, to confirm').fill(waiting.title)
  await dialog.getByRole('button', { name: 'Propose', exact: true }).click()
  await outcomeOf(anna.page).getByText('it waits for a second administrator').waitFor()
  await close(anna)
  await ben.open('/proposals?view=waiting')
  await ben.page.getByRole('link', { name: 'Terminate a service contract' }).click()
  await ben.page.getByText('your browser finds the same').waitFor()
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  t.equal(await stateOf(w, waiting), 'TERMINATED')
  await ben.open(pages.accepted)
  await ben.page.getByText('The law was repealed.').first().waitFor()
  await ben.check('contract-ended')

  await anna.open('/settings')
  const bound = 'One caller may leave unconfirmed within a day'
  await act(anna, 'Set the limit', { [bound]: '0' }, 'Propose', 'within a day: This has to be a number')
  await anna.check('settings-bound')
  await leaveDialog(anna.page)
  await act(anna, 'Set the limit', { [bound]: '3', Reason: 'We are few.' }, 'Propose', 'it waits')
  await close(anna)
  const policy = { 'Exchanges need a contract': 'check', Reason: 'the act on data exchange' }
  await act(anna, 'Set the policy', policy, 'Propose', 'it waits for a second administrator')
  await close(anna)
  await ben.open('/proposals?view=waiting')
  await ben.page.getByRole('link', { name: 'Set the policy on contracts' }).click()
  await ben.page.getByText('your browser finds the same').waitFor()
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  t.match(await node.must('GET', '/contract-policy'), { contractRequired: true })

  // By kind and name, and from a member's page, where the dialog shows first what would stop.
  await anna.open('/suspensions')
  await anna.page.getByRole('button', { name: 'Suspend at once' }).click()
  await dialog.getByLabel('Kind').selectOption('contract')
  await pick(anna.page, 'Which one', waiting.title, waiting.contract)
  await leaveDialog(anna.page)
  const lost = { Kind: 'certificate', 'Which one': 'ab'.repeat(32), Reason: 'Lost.' }
  await act(anna, 'Suspend at once', lost, 'Suspend at once', 'It is suspended.')
  await close(anna)
  await anna.open('/members/DEV:GOV:5678')
  await anna.page.getByRole('button', { name: /^Suspend/ }).click()
  await dialog.getByText('Left without any security server: 2').waitFor()
  t.match(await dialog.textContent(), /Service contracts: 2/)
  await anna.check('member-suspend')
  await dialog.getByLabel('Reason').fill('Its keys were stolen.')
  await dialog.getByRole('button', { name: 'Suspend', exact: true }).click()
  await outcomeOf(anna.page).getByText('It is suspended.').waitFor()
  await close(anna)
  await anna.page.getByRole('heading', { name: 'Emergency suspension' }).waitFor()
  await anna.check('member-suspended')
  await anna.open('/suspensions')
  await anna.page.getByText('2 of 10').waitFor()
  t.equal(await anna.page.locator('tbody tr').count(), 2)
  await anna.check('suspensions-several')
  t.match((await people.ben.api(baseOf(node), 'GET', '/suspensions')).body, [{ kind: 'member' }, {}])
})

const DAY_MS = 86_400_000

void t.test('the end of a contract is no surprise: each notice stands in its life', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const w = await startContracts(t)
  const { clock } = w.world
  const title = 'To its end'
  const content = await agreed(w, {
    ...{ title, validUntil: inDays(clock.now, 100), reviewAt: inDays(clock.now, 50) },
  })
  const one = await visitor(t, await openChromium(), { base: consoleOf(w.node), apiKey: keyOf(w.node) })
  const life = one.page.locator('.timeline').first()
  const at = `/contracts/${content.contract}`
  const isThere = async (notice: string): Promise<boolean> => {
    // The clock goes on meanwhile: a job that ends after a leap is due a minute after that.
    clock.now += 1000
    const { notices, versions } = (await w.node.must('GET', at)) as {
      notices: { notice: string }[]
      versions: { state: string }[]
    }
    return versions[0]?.state === notice || notices.some((one) => one.notice === notice)
  }
  for (const [days, notice, words] of [
    [90, 'ends-90', 'it ends within 90 days'],
    [50, 'review', 'its review is due'],
    [30, 'ends-30', 'it ends within 30 days'],
    [7, 'ends-7', 'it ends within 7 days'],
    [1, 'ends-1', 'its last day begins'],
    [0, 'EXPIRED', 'expired'],
  ] as const) {
    clock.now = Date.parse(content.validUntil) - days * DAY_MS + 1000
    await until(`the notice ${notice}`, () => isThere(notice))
    await one.open(at)
    t.match(await life.textContent(), words, notice)
    await one.look(`contract-notice-${days}`)
  }
  t.equal(await life.getByText('Notice to the parties').count(), 5, 'each once, and that of the review')
  await one.check('contract-noticed')
})
