/**
 * A contract in Chromium, as its people make it: access requested in the registry's catalogue, proposed at
 * the consumer's server from the resulting file, agreed to by two people of each member, approved at the
 * registry, and enforced. Then a later end is declined, the notice of the end comes, and the contract ends.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { BrowserContextOptions } from 'playwright-core'
import type { Test } from 'tap'
import { openBrowser, outcomeOf, type Visitor, visitor } from '../browser.ts'
import type { FakeMailServer } from '../fakes/mail-server.ts'
import { act, close } from '../second-person.ts'
import { until } from '../until.ts'
import { colons, type World } from '../world.ts'
import { CONTACT, confirmContact } from './confirm-contact.ts'
import { formHasAll, PURPOSE, representNobody, TITLE, termsOf } from './contract-terms.ts'
import { lookThroughCatalogue, openFromCalls } from './look-through-catalogue.ts'
import { inOtherLooks } from './other-looks.ts'
import { pickParties } from './pick.ts'
import { signedIn } from './two-stores.ts'

type Side = 'tax' | 'population'
type Person = { subject: string; name: string; email: string; password: string }
type Q = {
  world: World
  mail: FakeMailServer
  typeFor(name: Side): Promise<string>
  policy(contractRequired: boolean): Promise<void>
  refresh(): Promise<unknown>
  /** A contract that ended while it was suspended. */
  stopped: string
}

/** The people before their pages, and the address of the contract at each of them. */
type Scene = Q & {
  t: Test
  anna: Visitor
  ben: Visitor
  olga: Visitor
  toomas: Visitor
  registry: Visitor
  observer: Visitor
  /** One who comes with an API key of this role. */
  withKey(side: Side, role: string, context?: BrowserContextOptions): Promise<Visitor>
  at: string
}

const NO_DRAFTS = ['no JSON', '{"terms":null}', '{"terms":{"services":[{"endpoints":7}]}}']
const LONG = { deadlineMs: 180_000, pauseMs: 250 }
const NARROW = { width: 320, height: 640 }
const SIGNATORY = 'XROAD_CONTRACT_SIGNATORY'

export async function contractByPeople(t: Test, q: Q): Promise<void> {
  const arrived = await arriveAll(t, q)
  const scene = { ...arrived, at: await propose(arrived) }
  const { anna, registry, at, withKey, mail } = scene
  const director = await withKey('tax', SIGNATORY)
  await confirmContact(t, { mail, title: TITLE, at, who: anna, director, registry })
  await consumerAgrees(scene, director)
  await providerAgrees(scene)
  await inOtherLooks(t, (_t, role, context) => withKey('tax', role, context), {
    [SIGNATORY]: ['/contracts', at, '/catalogue'],
  })
  await laterEndIsDeclined(scene)
  await soonerEndIsNoticed(scene)
  await terminate(scene, director)
  await observe(scene)
  await endedWhileSuspended(scene)
  await q.policy(false)
}

/** Everybody arrives, before there is a contract. */
async function arriveAll(t: Test, q: Q): Promise<Scene> {
  const { world } = q
  const { people } = JSON.parse(readFileSync(world.login.peopleFile, 'utf8')) as { people: Person[] }
  const chromium = await openBrowser()
  const baseOf = (side: Side): string => `${world.servers[side].adminUrl}/console`

  /** A person of the sandbox's login provider becomes a signatory of an agency and logs in there. */
  const arrive = async (side: Side, subject: string): Promise<Visitor> => {
    const person = people.find((one) => one.subject === subject)!
    await world.admin[side].send('POST', '/people', { email: person.email, roles: [SIGNATORY] })
    const { adminUrl } = world.servers[side]
    return signedIn(t, chromium, person, { adminUrl, issuer: world.login.issuer })
  }
  const withKey: Scene['withKey'] = async (side, role, context = {}) => {
    const key = { name: `pages ${role}`, roles: [role] }
    const { secret } = await world.admin[side].send<{ secret: string }>('POST', '/api-keys', key)
    return visitor(t, chromium, { base: baseOf(side), apiKey: secret, context })
  }
  const apiKey = readFileSync(world.registry.apiKeyFile, 'utf8').trim()
  const registry = await visitor(t, chromium, { base: world.registry.consoleUrl.replace(/\/$/, ''), apiKey })
  return {
    ...{ ...q, t, registry, withKey, at: '' },
    observer: await withKey('tax', 'XROAD_SECURITYSERVER_OBSERVER'),
    anna: await arrive('tax', 'anna'),
    ben: await arrive('tax', 'ben'),
    olga: await arrive('population', 'olga'),
    toomas: await arrive('population', 'toomas'),
  }
}

/** Access is requested in the catalogue; Anna proposes from the file. Returns where the contract is shown. */
async function propose(scene: Scene): Promise<string> {
  const { t, world, typeFor, policy, anna, registry, withKey } = scene
  const { tax } = scene.world.servers
  const folder = await mkdtemp(path.join(tmpdir(), 'concordat-contract-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await policy(true)
  t.match(await typeFor('tax'), /contract_(ended|required)$/, 'refused before')
  const requested = path.join(folder, 'requested.json')
  await requestAccess(registry, world, requested)
  await lookThroughCatalogue({ t, world, signatory: anna, withKey })
  // Terms in the same form, with everything that a contract can say.
  const draft = path.join(folder, 'contract-terms.json')
  writeFileSync(draft, JSON.stringify({ terms: termsOf(world), member: colons(tax.member) }))
  await anna.open('/contracts/propose')
  await anna.check('contracts-propose')
  await anna.page.getByRole('button', { name: 'Propose', exact: true }).click()
  await anna.page.getByText('This needs to be put right').waitFor()
  await anna.check('contracts-propose-wrong')
  await pickParties(anna, world)
  for (const content of [...NO_DRAFTS, 'x'.repeat(300_000)]) {
    const file = { name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(content) }
    await anna.page.getByLabel('Draft').setInputFiles(file)
    await anna.page.getByRole('button', { name: 'Fill the form' }).click()
    await anna.page.getByText('This file holds no terms of a contract').waitFor()
  }
  await anna.page.getByLabel('Draft').setInputFiles(draft)
  await anna.page.getByRole('button', { name: 'Fill the form' }).click()
  await anna.page.getByRole('button', { name: 'Leave without it' }).click()
  await anna.page.getByLabel('Service 2: code').waitFor()
  t.equal(await anna.page.getByLabel('Title').inputValue(), TITLE)
  await anna.check('contracts-propose-draft')
  await anna.page.setViewportSize(NARROW)
  await anna.look('contracts-propose-narrow')
  await anna.page.setViewportSize({ width: 1280, height: 800 })
  await formHasAll(t, anna.page)
  // The file from the catalogue replaces it, with a title by Anna.
  await anna.page.getByLabel('Draft').setInputFiles(requested)
  await anna.page.getByRole('button', { name: 'Fill the form' }).click()
  await anna.page.getByLabel('Service 2: code').waitFor({ state: 'detached' })
  t.equal(await anna.page.getByLabel('Purpose').inputValue(), PURPOSE)
  await anna.page.getByLabel('Title').fill(TITLE)
  await representNobody(t, anna.page)
  await anna.page.getByRole('button', { name: 'Propose', exact: true }).click()
  await anna.page.getByRole('heading', { name: TITLE, level: 1 }).waitFor()
  await anna.settled()
  await anna.check('contract-proposed-here')
  return new URL(anna.page.url()).pathname.replace('/console', '')
}

/** The two people of the consumer; nobody twice, and nobody with an API key. */
async function consumerAgrees(scene: Scene, director: Visitor): Promise<void> {
  const { t, anna, ben, at } = scene
  const { tax } = scene.world.servers
  await anna.open('/contracts')
  const first = anna.page.locator('tbody tr').first()
  t.match(await first.textContent(), /waits for two people here/, 'what waits for me comes first')
  await first.locator('.folded').nth(1).waitFor()
  await anna.check('contracts-here')
  await accept(anna, tax.member, 'A second person of the member is still missing', 'contract-accept')
  t.equal(await anna.page.getByRole('button', { name: /^Accept/ }).count(), 0, 'never the same person twice')
  await anna.page.getByText('You agreed; a second person is missing.').waitFor()
  await director.open(at)
  const refused = 'signatories of contracts log in at this server'
  await act(director, /^Accept/, {}, 'Accept', refused)
  await director.check('contract-accept-by-key')
  await ben.open('/')
  await ben.check('overview-contract-waits')
  await ben.page.getByRole('link', { name: /^1 service contract waits/ }).click()
  await ben.settled()
  t.match(await ben.page.locator('tbody').textContent(), /waits for a second person here/)
  await ben.page.getByRole('link', { name: TITLE }).click()
  await ben.settled()
  await accept(ben, tax.member, 'it is sealed')
  await ben.check('contract-sealed')
  t.match(await ben.page.locator('.timeline').textContent(), /agreed and sealed for.*Anna Aalto, Ben Berg/)
  await ben.page.getByText("as each member's security server wrote it into the seal").waitFor()
  t.equal(await ben.page.getByRole('button', { name: /^Accept/ }).count(), 0)
}

/** The people of the provider see who has sealed it; the registry approves it. */
async function providerAgrees(scene: Scene): Promise<void> {
  const { t, typeFor, refresh, olga, toomas, registry, at } = scene
  const { population } = scene.world.servers
  await olga.open('/contracts')
  await act(olga, 'Fetch now', {}, 'Fetch now', 'The contracts were fetched.')
  await close(olga)
  await olga.page.getByRole('link', { name: TITLE }).click()
  await olga.settled()
  await accept(olga, population.member, 'still missing')
  await toomas.open(at)
  await toomas.page.setViewportSize(NARROW)
  await toomas.check('contract-narrow-here')
  await accept(toomas, population.member, 'waits for approval', 'contract-accept-narrow')
  await toomas.page.getByText('The registry has to approve it.').waitFor()
  t.match(await typeFor('tax'), /contract_(ended|required)$/, 'accepted is not in force')
  await registry.open(at)
  await registry.page.getByText('It has no register of the people of members').waitFor()
  await act(registry, 'Approve', {}, 'Approve', 'The contract is in force.')
  await close(registry)
  await refresh()
  t.equal(await typeFor('tax'), 'answered', 'answered after')
}

/** One side proposes a later end, the other declines it. */
async function laterEndIsDeclined(scene: Scene): Promise<void> {
  const { t, refresh, ben, olga, at } = scene
  await olga.open(at)
  await act(
    olga,
    'Propose a later end',
    { 'Valid until': inMinutes(900 * 1440) },
    'Propose a later end',
    'is proposed',
  )
  await close(olga)
  await olga.page.getByRole('button', { name: 'Withdraw' }).waitFor()
  t.equal(
    await olga.page.getByRole('button', { name: 'Decline' }).count(),
    0,
    "one withdraws what is one's own",
  )
  await refresh()
  await ben.open(at)
  await ben.page.getByRole('heading', { name: 'Versions side by side' }).waitFor()
  await ben.check('contract-versions-here')
  const said = { 'Reason, for the parties': 'Not so long.' }
  await act(ben, 'Decline', said, 'Decline', 'The version was declined.')
  await close(ben)
  t.match(await ben.page.locator('.timeline').textContent(), /declined Not so long\./)
}

/** Another version that ends sooner: everybody is notified before its end. */
async function soonerEndIsNoticed(scene: Scene): Promise<void> {
  const { t, world, typeFor, refresh, anna, ben, olga, toomas, registry, at } = scene
  const { tax, population } = scene.world.servers
  await openFromCalls(anna, colons(tax.client), TITLE)
  await anna.page.getByRole('link', { name: 'Propose another version' }).click()
  await anna.page.getByText('What you propose is the next one').waitFor()
  await anna.check('contract-propose-version')
  await anna.page.getByLabel('Valid until').fill(inMinutes(20 * 1440))
  await anna.page.getByLabel('To be reviewed').fill(inMinutes(10 * 1440))
  await anna.page.getByRole('button', { name: 'Propose', exact: true }).click()
  await anna.page.getByText('Nobody has agreed yet').waitFor()
  await anna.settled()
  const versions = await world.admin.tax.get<{ content: { services: object[] } }[]>(at)
  t.match(
    versions.at(-1)?.content.services,
    [{ representation: { check: 'none' } }],
    'the form loses no term',
  )
  await accept(anna, tax.member, 'still missing')
  await ben.open(at)
  await accept(ben, tax.member, 'it is sealed')
  await refresh()
  for (const one of [olga, toomas]) {
    await one.open(at)
    await accept(one, population.member, one === olga ? 'still missing' : 'waits for approval')
  }
  await registry.open(at)
  await act(registry, 'Approve', {}, 'Approve', 'The contract is in force.')
  await close(registry)
  // By the API: to load the page costs as much as a second of waiting.
  type Life = { notices: { notice: string }[] }
  const isNoticed = async (): Promise<boolean> =>
    (await world.registryAdmin.get<Life>(at)).notices.some(({ notice }) => notice === 'ends-30')
  await until('the notice of its end', isNoticed, LONG)
  await registry.open(at)
  await registry.page.locator('.timeline', { hasText: 'it ends within 30 days' }).waitFor()
  await refresh()
  t.equal(await typeFor('tax'), 'answered')
}

/** The termination: two people of a member, with one reason; not possible with an API key. */
async function terminate(scene: Scene, director: Visitor): Promise<void> {
  const { t, typeFor, refresh, anna, ben, at } = scene
  await director.open(at)
  t.equal(await director.page.getByRole('button', { name: 'Terminate' }).count(), 0)
  await ben.open(at)
  const end = { 'Reason, for the parties': 'The law was <b>repealed</b>.', 'Name, to confirm': TITLE }
  await act(ben, 'Terminate', end, 'Terminate', 'It goes on until a second person of the member agrees.')
  await close(ben)
  await ben.page.getByText('You want to end it; a second person is missing.').waitFor()
  t.equal(await ben.page.getByRole('button', { name: /erminate/ }).count(), 0, 'never the same person twice')
  t.equal(await typeFor('tax'), 'answered', 'one person ends nothing')
  await anna.open('/')
  await anna.page.getByRole('link', { name: /^1 service contract is to be ended/ }).click()
  await anna.page.getByText('a second person is asked to end it').waitFor()
  await anna.check('contracts-to-be-ended')
  await anna.page.getByRole('link', { name: TITLE }).click()
  await anna.page.getByText('Ben Berg wants to end it').waitFor()
  await anna.page.setViewportSize(NARROW)
  await anna.check('contract-to-be-ended-narrow')
  await anna.page.setViewportSize({ width: 1280, height: 800 })
  const agree = { 'Name, to confirm': TITLE }
  await act(anna, /^Agree to terminate/, agree, 'Agree to terminate', 'The contract has ended.')
  await anna.check('contract-ended')
  await close(anna)
  await refresh()
  t.equal(await typeFor('tax'), 'client.contract_ended', 'and the end')
}

/** What those see who only look. */
async function observe(scene: Scene): Promise<void> {
  const { t, observer, at } = scene
  await observer.open(at)
  t.same(await observer.page.locator('main .head .acts button').allTextContents(), [], 'who only looks')
  await observer.check('contract-ended-observer')
  await observer.open('/contracts/propose')
  await observer.page.getByText('Your roles do not include this page').waitFor()
  await observer.open('/contracts?side=provider')
  await observer.page.getByText('Nothing fits this search').waitFor()
  await observer.open('/contracts?state=TERMINATED&side=consumer&sort=-validUntil&size=25')
  await observer.page.setViewportSize(NARROW)
  await observer.check('contracts-here-narrow')
  await observer.open('/contracts/00000000-0000-4000-8000-000000000000')
  await observer.page.getByText('There is no such thing here').waitFor()
}

/** A contract that ended while it was suspended offers no further acts. */
async function endedWhileSuspended(scene: Scene): Promise<void> {
  const { t, world, refresh, anna, stopped } = scene
  const over = `/contracts/${stopped}`
  const stateOf = async (): Promise<string> =>
    (await world.admin.tax.get<{ state: string }[]>(over)).at(-1)!.state
  const isOver = async (): Promise<boolean> => {
    await refresh()
    return (await stateOf()) === 'EXPIRED'
  }
  await until('its end', isOver, LONG)
  await anna.open(over)
  await anna.page.getByText('The contract is suspended, and its end does not change that').waitFor()
  for (const follows of ['Propose a later end', 'Propose another version'])
    t.equal(await anna.page.getByText(follows).count(), 0, follows)
  await anna.check('contract-ended-suspended')
  const later = await world.admin.tax.call('POST', `${over}/extend`, {
    validUntil: new Date(Date.now() + 900 * 86_400_000).toISOString(),
  })
  t.match(later.json(), { type: 'contract_not_possible', message: /its end does not change that/ })
}

/** Requests access in the registry's catalogue for the Tax Agency; the result is a file. */
async function requestAccess(registry: Visitor, { servers }: World, file: string): Promise<void> {
  const { tax, population } = servers
  const { page } = registry
  await registry.open(`/catalogue?q=${colons(population.client)}:persons`)
  await act(registry, 'Ask all providers now', {}, 'Ask all providers now', 'They were asked.')
  await close(registry)
  await registry.check('catalogue-collected')
  await page.locator('tbody a').first().click()
  await registry.settled()
  await registry.check('catalogue-of-a-provider')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    act(
      registry,
      'Request access',
      {
        'Subsystem that asks': colons(tax.client),
        Purpose: PURPOSE,
        'Legal basis': 'Tax Procedure Act, section 18',
        'About personal data': 'yes',
        'Contact of the member that asks': 'Contract desk',
        'E-mail address of the contact': CONTACT,
      },
      'Request access',
      'The terms were saved as contract-terms.json',
    ),
  ])
  await registry.check('catalogue-requested')
  await download.saveAs(file)
  await close(registry)
}

/** Reads the content with its hash, and agrees. */
async function accept(one: Visitor, member: string, after: string, picture?: string): Promise<void> {
  const { page } = one
  const title = page.url().split('/').at(-1)!
  if (!/^[0-9a-f-]{36}$/.test(title)) {
    await page.locator('tbody a').first().click()
    await one.settled()
  }
  await page.getByRole('button', { name: `Accept for ${colons(member)}` }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('your browser finds the same').waitFor()
  if (picture !== undefined) await one.check(picture)
  await dialog.getByRole('button', { name: 'Accept', exact: true }).click()
  await outcomeOf(page).getByText(after).waitFor()
  await close(one)
}

/** A time in the form of an input of local time, in the browser's zone. */
function inMinutes(minutes: number): string {
  const at = new Date(Date.now() + minutes * 60_000)
  return at.toLocaleString('sv-SE', { timeZone: 'Europe/Tallinn' }).slice(0, 16).replace(' ', 'T')
}
