/**
 * What two people of the sandbox do by hand in Chromium, over real processes: the README's steps for
 * newcomers, the renewal of a server's certificates and a change of the configuration signing key. Systems
 * exchange messages all the time.
 */
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import t from 'tap'
import { anchorHash, parseAnchor } from '#core/configuration/anchor.ts'
import { goThrough, hasChromium, leaveDialog, openBrowser, type Visitor, visitor } from '../browser.ts'
import { installSandbox } from '../fakes/installed-registry.ts'
import { startProcessClock } from '../fakes/process-clock.ts'
import { freeze } from '../freeze-process.ts'
import { skipFor } from '../outside-tools.ts'
import { act, close } from '../second-person.ts'
import { takeTime } from '../take-time.ts'
import { ask, colons, startWorld, type World } from '../world.ts'
import { signedIn } from './two-stores.ts'

type Person = { subject: string; name: string; password: string }
type Status = { request: number; kind: string; state: string }

const NARROW = { width: 320, height: 640 }
const WIDE = { width: 1280, height: 800 }

void t.test('two people of a sandbox', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const clock = startProcessClock(t)
  const world = await startWorld({ environment: clock.environment })
  t.teardown(() => world.stop())
  await installSandbox(world)
  const { people } = JSON.parse(readFileSync(world.login.peopleFile, 'utf8')) as { people: Person[] }
  const chromium = await openBrowser()
  const base = world.registry.consoleUrl.replace(/\/$/, '')
  const hosts = [new URL(world.login.issuer).host]

  const personOf = (subject: string): Person => people.find((one) => one.subject === subject)!
  const signIn = async (page: Page, subject: string, password = personOf(subject).password) => {
    await page.getByLabel('Name').fill(subject)
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
  }
  /**
   * Signs in on the pages: of the registry as Anna, of an agency as Tiina. Others come with the session that
   * they have.
   */
  const signInAt = async (at: string, subject: string): Promise<Visitor> => {
    const one = await visitor(t, chromium, { base: at, hosts })
    const { page } = one
    await one.open('/')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Development login' }).waitFor()
    if (at === base) {
      await one.check('development-login')
      await signIn(page, subject, 'wrong')
      await page.getByText('This name and password do not fit.').waitFor()
      await one.check('development-login-wrong')
    }
    await signIn(page, subject)
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
    await one.settled()
    t.ok((await page.locator('.who').textContent())?.includes(personOf(subject).name), subject)
    return one
  }
  const arrive = async (subject: string): Promise<Visitor> => {
    const at = { adminUrl: world.registry.adminUrl, issuer: world.login.issuer }
    const one = await signedIn(t, chromium, personOf(subject), at)
    await one.open('/')
    return one
  }
  const anna = await signInAt(base, 'anna')
  const ben = await arrive('ben')
  await ben.check('sandbox-overview')

  await t.test('admit a member and approve what a server asks for', async (t) => {
    await goThrough(anna.page, 'Members')
    const harbour = { 'Member class': 'GOV', 'Member code': '1004', Name: 'Harbour Agency', Reason: 'joins' }
    await act(anna, 'Admit a member', harbour, 'Propose', 'it waits for a second administrator')
    await close(anna)
    await ben.open('/')
    await ben.page.getByRole('link', { name: '1 proposal waits for your decision.' }).click()
    await ben.page.getByRole('link', { name: 'Admit a member' }).first().click()
    await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
    await close(ben)
    t.match(await world.registryAdmin.get('/members/DEV:GOV:1004'), { name: 'Harbour Agency' })

    const vat = colons('DEV/GOV/1002/vat')
    await world.admin.tax.send('POST', '/clients', { id: vat })
    const filed = await world.admin.tax.send<Status>('PUT', `/clients/${vat}/register`, {
      subsystemName: 'VAT',
    })
    t.match(filed, { kind: 'clientReg', state: 'SUBMITTED_FOR_APPROVAL' })
    await anna.open('/')
    await anna.page.getByRole('link', { name: '1 management request waits for a decision.' }).click()
    await anna.page.getByRole('link', { name: 'Register a client' }).click()
    await act(
      anna,
      'Approve',
      { Reason: 'the decree on VAT' },
      'Propose',
      'it waits for a second administrator',
    )
    await close(anna)
    await ben.open('/')
    await ben.page.getByRole('link', { name: '1 proposal waits for your decision.' }).click()
    await ben.page.getByRole('link', { name: 'Approve a management request' }).first().click()
    await ben.page.getByText('the same as when it was proposed').waitFor()
    await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
    await close(ben)
    const [newest] = await world.admin.tax.get<Status[]>('/management-requests')
    t.match(newest, { request: filed.request, state: 'APPROVED' })
    await ben.open('/audit-log?q=management-requests')
    const log = (await ben.page.locator('tbody').textContent()) ?? ''
    t.match(log, /approveManagementRequest/)
    await ben.check('sandbox-audit-log')

    t.match(
      await world.registryAdmin.call('POST', '/members', { memberClass: 'GOV', memberCode: '9', name: 'x' }),
      {
        status: 403,
      },
      "the operator's key does it no more",
    )
    const olga = await arrive('olga')
    await olga.open('/proposals')
    t.equal(await olga.page.getByRole('link', { name: 'Invite a person' }).count(), 2, 'an auditor reads')
    await olga.open(`/management-requests/${filed.request}`)
    t.equal(await olga.page.locator('.head .acts button').count(), 0)
    const toomas = await arrive('toomas')
    await toomas.open('/people')
    await toomas.page.getByText('Your roles do not include this page').waitFor()

    const tiina = await signInAt(`${world.servers.tax.adminUrl}/console`, 'tiina')
    await goThrough(tiina.page, 'Exchanges', 'Search')
    await tiina.page.getByText('The log holds no exchange yet').waitFor()
    await goThrough(tiina.page, 'Exchanges', 'Who looked')
    await tiina.page.getByRole('cell', { name: 'Tiina Toom' }).first().waitFor()
    const signOut = tiina.page.getByRole('button', { name: 'Sign out' })
    await tiina.page.route('**/logout', (route) => route.abort())
    await signOut.click()
    await tiina.page.getByText('your session there may go on').waitFor()
    await tiina.check('sign-out-unheard')
    await tiina.page.unroute('**/logout')
    await tiina.page.reload()
    await signOut.click()
    await tiina.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    t.equal(await tiina.page.getByText('your session there').count(), 0)
    await tiina.page.getByRole('link', { name: 'Sign in' }).click()
    await signIn(tiina.page, 'anna')
    await tiina.page.getByText('nobody has invited you here').waitFor()
  })

  const persons = startAsking(world)
  t.teardown(() => persons.end())

  /** Ben finds the newest proposal on his first page and approves it. */
  const approve = async (name: string, after = 'Approved, and carried out.'): Promise<void> => {
    await ben.open('/')
    await ben.page.getByRole('link', { name: '1 proposal waits for your decision.' }).click()
    await ben.page.getByRole('link', { name }).first().click()
    await ben.page.getByText('your browser finds the same').waitFor()
    await act(ben, 'Approve', {}, 'Approve', after)
    await close(ben)
  }

  await t.test("renew a server's certificates before they expire", async (t) => {
    const { tax } = world.servers
    const admin = world.admin.tax
    const [token] = await admin.get<{ id: string }[]>('/tokens')
    /** Makes a new key with a certificate from the CA, imported at the server. */
    const renew = async (usage: 'AUTHENTICATION' | 'SIGNING'): Promise<string> => {
      const csr = usage === 'SIGNING' ? { memberId: colons(tax.member) } : { dnsName: 'tax.sandbox.example' }
      const made = await admin.send<{ csr: { pem: string } }>('POST', `/tokens/${token!.id}/keys-with-csrs`, {
        key: { usage, label: `next ${usage}` },
        csr,
      })
      const issued = await ask(
        world.trust.caUrl,
        `/certificates?profile=${usage === 'SIGNING' ? 'signing' : 'authentication'}`,
        { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: made.csr.pem },
      )
      const { sha256 } = await admin.send<{ sha256: string }>('POST', '/token-certificates', issued.body)
      return sha256
    }
    const path = `/security-servers/${colons(tax.id)}`
    await anna.open(path)
    const old = (await world.registryAdmin.get<{ authenticationCertificates: { sha256: string }[] }>(path))
      .authenticationCertificates[0]!.sha256
    const next = await renew('AUTHENTICATION')
    await admin.send('PUT', `/token-certificates/${next}/register`, { address: tax.address })
    for (const [kind, words] of [
      ['Register an authentication certificate', next],
      ['Withdraw an authentication certificate', old],
    ] as const) {
      if (words === old) {
        await admin.send('PUT', `/token-certificates/${old}/unregister`)
        // As an operator does once the new certificate works: the old one is no longer presented.
        await admin.send('PUT', `/token-certificates/${old}/disable`)
        await persons.more(3)
      }
      await anna.open('/')
      await anna.page.getByRole('link', { name: '1 management request waits for a decision.' }).click()
      await anna.page.getByRole('link', { name: kind }).click()
      await anna.page.getByText(words).first().waitFor()
      await anna.check(`renewal-${words === next ? 'new' : 'old'}`)
      await act(anna, 'Approve', { Reason: 'the yearly renewal' }, 'Propose', 'it waits')
      await close(anna)
      await approve('Approve a management request')
      await world.publish()
      await admin.send('PUT', '/token-certificates/refresh-ocsp')
    }
    t.same(
      (
        await world.registryAdmin.get<{ authenticationCertificates: { sha256: string }[] }>(path)
      ).authenticationCertificates.map(({ sha256 }) => sha256),
      [next],
    )
    const signing = await renew('SIGNING')
    await admin.send('PUT', '/token-certificates/refresh-ocsp')
    await persons.more(3)
    type Held = { sha256: string; usage: string; active: boolean }[]
    for (const { sha256, usage } of await admin.get<Held>('/token-certificates'))
      if (usage === 'SIGNING' && sha256 !== signing)
        await admin.send('PUT', `/token-certificates/${sha256}/disable`)
    await persons.more(3)
    t.strictSame(persons.refused, [], 'no exchange was refused, with the old ones, both, the new ones alone')
  })

  await t.test('change the key that signs the configuration', async (t) => {
    const { page } = anna
    type Configuration = {
      newest: { index: number }
      signingKeys: { id: string; state: string; known: boolean; knownFrom: string | null }[]
    }
    const configuration = () => world.registryAdmin.get<Configuration>('/configuration')
    const anchorOf = async () =>
      Buffer.from(await world.registryAdmin.bytes('/configuration/anchors/internal'))
    const allHave = async (index: number): Promise<void> => {
      await world.publish()
      for (const admin of Object.values(world.admin)) {
        const { own } = await admin.get<{ own: { statementIndex: number } }>('/global-configuration')
        t.ok(own.statementIndex >= index, `a server has ${own.statementIndex}, of at least ${index}`)
      }
    }
    const old = (await configuration()).signingKeys[0]!
    const firstAnchor = await anchorOf()

    await anna.open('/')
    await goThrough(page, 'Trust and configuration', 'Configuration')
    await act(anna, 'Make a key', { Algorithm: 'P-256', Reason: 'yearly' }, 'Propose', 'it waits')
    await close(anna)
    await approve('Make a configuration signing key')
    const made = (await configuration()).signingKeys[1]!
    t.match(made, { state: 'ANNOUNCED' })
    await allHave((await configuration()).newest.index)
    await anna.open('/configuration')
    await page.getByText('every server knows it from').waitFor()
    await anna.check('key-announced')
    const early = { 'When it signs': 'false', Reason: 'too early' }
    await act(anna, /^Sign with this key/, early, 'Propose', 'it waits')
    await close(anna)
    await approve('Sign with another key', 'it could not be carried out')
    await ben.page.getByText('would be cut off; wait until').first().waitFor()
    await ben.check('key-too-early')

    // Ten minutes pass, in which every server fetches what is published.
    for (let half = 0; half < 2; half++) {
      await persons.between(() => clock.pass(301_000))
      await allHave((await configuration()).newest.index)
    }
    await anna.open('/configuration')
    await page.getByText('every server knows it', { exact: true }).waitFor()
    await page.setViewportSize(NARROW)
    await anna.check('key-known-narrow')
    await page.getByRole('button', { name: /^Sign with this key/ }).click()
    await anna.check('key-activate-narrow')
    await leaveDialog(page)
    await page.setViewportSize(WIDE)
    await act(anna, /^Sign with this key/, { Reason: 'every server knows it' }, 'Propose', 'it waits')
    await close(anna)
    await approve('Sign with another key')
    await allHave((await configuration()).newest.index)
    await anna.open('/configuration')
    await page.getByText('retired').waitFor()
    await anna.check('key-retired')

    await act(
      anna,
      `Remove the key ${old.id}`,
      { 'Name, to confirm': old.id.slice(0, 8), Reason: 'every server has the new one' },
      'Propose',
      'it waits',
    )
    await close(anna)
    await approve('Remove a configuration signing key')
    t.match(await configuration(), { signingKeys: [{ id: made.id, state: 'ACTIVE' }] })
    await allHave((await configuration()).newest.index)
    await anna.open('/configuration')
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download the internal anchor' }).click()
    const anchor = readFileSync(await (await download).path())
    t.same(anchor, await anchorOf())
    t.not(anchorHash(anchor), anchorHash(firstAnchor), 'another anchor')
    await page.getByText(anchorHash(anchor)).waitFor()
    t.equal((await parseAnchor(anchor)).sources[0]!.verificationCerts.length, 1)
    await anna.check('key-changed')
    const query = `hash=${encodeURIComponent(anchorHash(anchor))}`
    for (const admin of Object.values(world.admin)) await admin.send('PUT', `/system/anchor?${query}`, anchor)
    await allHave((await configuration()).newest.index)
    await persons.more(3)
    t.strictSame(persons.refused, [], 'no exchange was refused at any time')
    t.ok(persons.answered() > 20)
    await ben.open('/audit-log?q=activateSigningKey')
    t.match(await ben.page.locator('tbody').textContent(), /Anna.*Ben|Ben.*Anna/s)
  })

  await t.test('the registry hangs: its console says that it waits, exchanges go on', async (t) => {
    const { pid } = world.processes.find(({ name }) => name === 'central registry')!
    const { page } = anna
    await anna.open('/members')
    await freeze([pid!])
    try {
      await goThrough(page, 'Members', 'Subsystems')
      await page.getByText('Loading …').waitFor()
      await persons.more(3)
      t.strictSame(persons.refused, [])
      // On a slow machine the page has waited as long as it waits for an answer, and says so.
      await page.getByText('Loading …').or(page.getByText('has not answered within')).first().waitFor()
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    const row = page.locator('tr', { hasText: colons(world.servers.tax.client) }).first()
    const again = page.getByRole('button', { name: 'Try again' })
    await row.or(again).first().waitFor()
    if (await again.isVisible()) await again.click()
    await row.waitFor()
    await persons.end()
  })
})

/** Sends requests one after the other until the end. */
function startAsking(world: World) {
  const refused: string[] = []
  let answered = 0
  let isOver = false
  let next: (() => void) | undefined
  const target = `/r1/${world.servers.population.client}/persons/persons/P00000042`
  const asking = (async () => {
    while (!isOver) {
      const reply = await world.ask('tax', target)
      if (reply.status === 200) answered++
      else refused.push(`${reply.status} ${reply.body.toString()}`)
      next?.()
      await takeTime('the pace of asking', 500)
    }
  })()
  /** Runs `act` while no request is under way. */
  const between = async (act: () => void): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    next = () => {
      next = undefined
      act()
      resolve()
    }
    return promise
  }
  return {
    refused,
    between,
    /** Waits until this many more requests were sent. */
    async more(count: number): Promise<void> {
      for (let left = count; left >= 0; left--) await between(() => undefined)
    },
    answered: () => answered,
    async end(): Promise<void> {
      isOver = true
      await asking
    },
  }
}
