/**
 * The sandbox that lives: its past is made once, under a clock of its own, and is as true as what is made
 * now.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { verifyCosignature } from '#core/merkle/cosignature.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { citizen } from '#scripts/sandbox/portal.ts'
import { loadConfiguration } from '#scripts/verify/load-configuration.ts'
import { hasChromium, openBrowser, visitor } from '../browser.ts'
import { openBrowser as openClient } from '../fakes/openid-provider.ts'
import { skipFor } from '../outside-tools.ts'
import { until } from '../until.ts'
import { startWorld } from '../world.ts'
import { actForOthers, signIn } from './act-for-others.ts'
import { agreeByWallet } from './agree-by-wallet.ts'
import { benefitByAllWays } from './benefit-by-all-ways.ts'
import { ASKING, complainInSandbox } from './complain-in-sandbox.ts'
import { giveConsent } from './give-consent.ts'
import { seeFirst } from './see-first.ts'
import { useNames } from './use-names.ts'

const DAY_MS = 86_400_000
const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')

type Listed = { index: number; time: string; kind: string; outcome: string }
type Case = { day: string; state: string; class: string }

// How often the pages below are loaded again, before what a job finds is there, depends on the machine.
const world = await startWorld({ living: true, environment: { PORTAL_ASKING_PER_HOUR: '1000' } })
t.teardown(() => world.stop())
const { population, tax } = world.admin
const ago = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString()

void t.test('what was exchanged days ago is signed, stamped then, and proved', async (t) => {
  const old = await population.get<Listed[]>(
    `/message-log/records?limit=50&kind=reply&outcome=ok&to=${ago(4)}`,
  )
  const first = old.find(({ time }) => time < ago(4))
  t.ok(first, 'there are records of days long before this instance was made')
  const why = new URLSearchParams({ case: 'test', reason: 'to judge it' })
  const bytes = await population.bytes(`/message-log/records/${first!.index}/evidence-bundle?${why}`)
  const own = path.join(world.servers.population.directory, 'configuration/current/globalconf')
  const { indexes: configuration } = await loadConfiguration(own, new Date())
  const judged = await judgeBundle({ bundle: await readBundle(bytes), configuration, now: new Date() })
  t.match(judged, { verdict: 'TOTAL-PASSED' }, judged.reason)
  const recent = await population.get<Listed[]>('/message-log/records?limit=20')
  t.ok(recent[0]!.time > ago(1), 'and of the last day')
})

void t.test('the exchanges have purposes, and what was refused says so', async (t) => {
  const { contracts } = await tax.get<{ contracts: { purpose: string; legalBasis: string }[] }>(
    '/contracts?state=ACTIVE',
  )
  t.ok(contracts.length >= 5)
  const purpose = 'Identification of patients at admission'
  const query = new URLSearchParams({ purpose, limit: '5' })
  t.ok((await population.get<Listed[]>(`/message-log/records?${query}`)).length > 0, 'searched by why')
  const asked = `serviceId=DEV:GOV:1001:population:persons&limit=100&to=${ago(1)}`
  const past = await population.get<(Listed & { purpose?: string })[]>(`/message-log/records?${asked}`)
  t.ok(past.length > 20)
  t.same(
    past.filter((one) => one.purpose === undefined),
    [],
    'at whatever hour of a day',
  )
})

void t.test('something waits for each kind of person', async (t) => {
  // On a busy machine the day is compared only in the present, by a job that comes every five minutes.
  const cases = await until(
    'the comparison of a day',
    async (saw) => {
      const found = saw(await population.get<Case[]>('/reconciliation-cases'))
      return found.length > 0 && found
    },
    { deadlineMs: 400_000, pauseMs: 250 },
  )
  t.match(cases, [{ state: 'open' }], 'one day differs, in one exchange')
  t.equal(cases.length, 1)
  const { items } = await tax.get<{ items: object[] }>('/deliveries?box=outbox')
  t.equal(items.length, 1, 'an event that is not delivered')
  const proposals =
    await world.registryAdmin.get<{ state: string; operation: string }[]>('/approvals?view=all')
  t.match(
    proposals.filter(({ state }) => state === 'proposed'),
    [{ operation: 'addMember' }],
  )
  const { contracts } = await population.get<{ contracts: { state: string; title: string }[] }>(
    '/contracts?state=PROPOSED',
  )
  t.match(contracts, [{ title: 'Identity of board members' }])
})

void t.test('people have a portal, which knows who takes part', async (t) => {
  const { url, healthUrl } = world.portal!
  const page = await fetch(url)
  t.equal(page.status, 200)
  t.match(await page.text(), 'See who used your data')
  await until('the systems that take part', async (saw) => saw((await fetch(healthUrl)).status) === 200)
  type Trackers = { isAnswering: boolean; trackers: { isOn: boolean }[] }
  for (const server of [population, tax]) {
    const { isAnswering, trackers } = await server.get<Trackers>('/trackers')
    t.ok(isAnswering && trackers.some(({ isOn }) => isOn))
  }
})

void t.test('its history is public, witnessed by an archive, and checked by anybody', async (t) => {
  const { historyUrl, logKeyFile, witnessPolicyFile } = world.publicLog!
  const page = await fetch(historyUrl)
  t.equal(page.status, 200)
  const key = readFileSync(logKeyFile, 'utf8').trim()
  const said = await page.text()
  t.match(said, key.slice(0, key.indexOf('+')))
  t.match(said, /archive\.sandbox\.example[\s\S]*ML-DSA-44: a quantum computer cannot forge/)
  const [archive, ...others] = parseWitnessPolicy(readFileSync(witnessPolicyFile, 'utf8')).witnesses
  t.match(archive, { name: /^archive\./, publicKey: { asymmetricKeyType: 'ml-dsa-44' } })
  t.same(others, [])
  const { note } = parseCheckpoint(await (await fetch(`${world.registry.publicUrl}/log/checkpoint`)).text())
  const { time } = verifyCosignature(note, archive!.name, archive!.publicKey)!
  t.ok(time.toISOString() > ago(1), 'cosigned as C2SP tlog-cosignature has it for ML-DSA-44')
  const check = () =>
    spawnSync(
      CONCORDAT,
      [
        ...['log', 'check', world.registry.publicUrl, '--log-key', key],
        ...['--witnesses', witnessPolicyFile, '--identities', '--json'],
      ],
      { encoding: 'utf8' },
    )
  const { stdout, stderr, status } = check()
  t.equal(status, 0, stderr + stdout)
  t.comment(stdout)
  const lines = await until('the agencies as witnesses', async (saw) => {
    const text = saw(await (await fetch(`${world.registry.publicUrl}/log/witnesses`)).text())
    const all = text.trimEnd().split('\n')
    return all.length === Object.keys(world.servers).length ? all : undefined
  })
  for (const line of lines) t.match(line, /^witness (DEV\/\S+) \1\/witness\+\S+ peer:\1$/)
})

void t.test('consoles have names, for which browsers keep passkeys', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is missing')
  await useNames(t, world)
})

void t.test('a citizen complains of a call, and the answer comes, by keyboard alone', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is missing')
  await t.test('at a desk, in English', (t) => complainInSandbox(t, world, 'desk'))
  await t.test('on a phone, in Estonian', (t) => complainInSandbox(t, world, 'phone'))
})

void t.test('a birth brings the family benefit to its parents, on a phone', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is missing')
  const { url, healthUrl } = world.portal!
  await until('the systems that take part', async (saw) => saw((await fetch(healthUrl)).status) === 200)
  const { people } = JSON.parse(readFileSync(world.login.peopleFile, 'utf8')) as {
    people: { subject: string; password: string }[]
  }
  const { subject, password } = people.find((one) => one.subject === 'citizen')!
  const person = await visitor(t, await openBrowser(), {
    base: url,
    context: { viewport: { width: 360, height: 740 } },
    hosts: [new URL(world.login.issuer).host],
  })
  const { page, load, check } = person
  await load('/')
  await page.getByRole('link', { name: 'Sign in' }).first().click()
  await page.getByLabel('Name').fill(subject)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  await until(
    'the offer',
    async (saw) => {
      await load('/services')
      return saw(await page.locator('main').textContent())?.includes('birth of your child')
    },
    ASKING,
  )
  await check('portal-services-phone')
  await page.getByRole('link', { name: 'Look and decide' }).click()
  await page.getByText('Nobody has been asked yet').waitFor()
  await check('portal-offer-phone')
  await page.getByRole('button', { name: 'I agree to all, fill the form' }).click()
  await page.getByRole('heading', { name: 'Your application' }).waitFor()
  t.ok(await page.getByLabel('First name of the child').inputValue(), 'the population register filled it')
  t.ok(await page.getByLabel('Income of last year in euros').inputValue(), 'the tax agency filled it')
  await check('portal-form-phone')
  await page.getByLabel('Bank account').fill('EE1234567890')
  await page.getByRole('button', { name: 'Send the application' }).click()
  await page.getByText('Number of the application: FB-').waitFor()
  await until(
    'the decision',
    async (saw) => {
      await page.reload()
      return saw(await page.locator('main').textContent())?.includes('The agency has decided.')
    },
    ASKING,
  )
  await check('portal-decided-phone')

  await load('/notices')
  await page.getByLabel('Address').fill('citizen@mail.example')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await page.getByRole('link', { name: 'Back to the messages' }).click()
  await page.locator('#whole').waitFor()
  await check('portal-notices-phone')
  const { mailDirectory } = world.portal!
  const CODE = /\b(\d{4} \d{4})\b/
  const letter = await until('the code of the agency that was asked first', async (saw) => {
    // A file is there before what it holds.
    const found = saw(readdirSync(mailDirectory)).sort()
    return found
      .map((name) => readFileSync(path.join(mailDirectory, name), 'utf8'))
      .find((one) => CODE.test(one))
  })
  const [, code = ''] = CODE.exec(letter) ?? []
  const system = letter.includes('@population.') ? 'Population register' : 'Tax assessment'
  const waiting = page.locator('#whole li').filter({ hasText: system })
  await waiting.getByLabel('Code').fill(code)
  await waiting.getByRole('button', { name: 'Confirm' }).click()
  await waiting.getByText('You are told here.').waitFor()
  await t.test('and a consent is theirs to give and to take back', (t) => giveConsent(t, world, person))
  await t.test('and what an office would get is theirs to see first', (t) => seeFirst(t, world, person))
})

void t.test('others get it at a counter and by letter', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is missing')
  await benefitByAllWays(t, world)
})

void t.test('their citizen signs in with a wallet, whose issuer the registry trusts', async (t) => {
  const { url, healthUrl } = world.portal!
  await until('the trusted issuers', async (saw) => saw((await fetch(healthUrl)).status) === 200)
  const browser = openClient(t)
  await browser.visit(`${url}/login/wallet?language=en`, { form: { flow: 'same-device' } })
  const { text } = await browser.visit(`${url}/login/wallet/wait`)
  const [, link = ''] = /href="(http:[^"]+\/present\?[^"]+)"/.exec(text.replaceAll('&#38;', '&')) ?? []
  t.match(
    (await browser.visit(link)).text,
    /portal of the sandbox[\s\S]*personal_administrative_number of urn:eudi:pid:1/,
  )
  const answered = await browser.visit(new URL('/answer', link).href, { form: { text: link, agrees: 'yes' } })
  t.match((await browser.visit(String(answered.headers['location']))).text, /You are signed in/)
  t.match((await browser.visit(`${url}/about`)).text, /signed in with a wallet/)
  await t.test('and agrees to a call with it', (t) => agreeByWallet(t, world, browser))
})

void t.test('people act for others, and both sides say who, for whom and by which mandate', (t) =>
  actForOthers(t, world),
)

void t.test('a second start says at once that it runs, and where', async (t) => {
  const network = world.address(0).split('.').slice(0, 3).join('.')
  const args = ['sandbox', '--directory', world.directory, '--network', network]
  const again = spawnSync(CONCORDAT, args, { encoding: 'utf8' })
  t.equal(again.status, 1)
  t.match(again.stderr, /A sandbox runs in .* already: process \d+/)
  t.match(again.stdout, 'Where everything is:')
  const said = /Citizens' portal +(\S+)\/ {2}.*; (.+) signs in as:\n {4}(\S+) +(\S+) /.exec(again.stdout)
  const [, url = '', name = '', subject = '', password = ''] = said ?? []
  t.match({ url, name }, { url: world.portal!.url, name: citizen().name })
  const person = openClient(t)
  await signIn(person, url, { subject, password })
  t.match((await person.visit(`${url}/about`)).text, name, 'who does as it says is that person')
  t.ok(readFileSync(path.join(world.directory, 'sandbox-version'), 'utf8').includes('living'))
})
