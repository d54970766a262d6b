import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ROLES } from '#central-registry/admin/first-api-key.ts'
import { createAuthority } from '#certs/authority.ts'
import { buildConsoles } from '#console/build.ts'
import { baseOf, hasChromium, keyOf, openBrowser, outcomeOf, type Visitor, visitor } from '../browser.ts'
import { exchangesOfTheMonth } from '../fakes/console-sample.ts'
import { startMailServer } from '../fakes/mail-server.ts'
import { anchorOf, certificationRequest, publish, setUp } from '../fakes/registry-sample.ts'
import { registryWorld } from '../fakes/registry-world.ts'
import { examineInstance, startRunningInstance } from '../fakes/running-instance.ts'
import { skipFor } from '../outside-tools.ts'
import { FIND_WRONG } from '../pages/wrong-layout.ts'
import { until } from '../until.ts'
import { ACTS, CLOSED } from './acts-by-role.ts'
import { closeWhileSending } from './close-while-sending.ts'
import { pick } from './pick.ts'
import { fileOrder, orderingAuthority, tellSystems } from './tell-and-order.ts'
import { trustIssuer } from './trust-issuer.ts'

const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
if (hasChromium()) await buildConsoles()

/** The entries under "waiting" on the first page, and the roles for which each is. */
const WAITING: Record<string, string[]> = {
  'no valid authentication certificate': ['XROAD_REGISTRATION_OFFICER'],
  '1 import was read and is not carried out.': ['XROAD_SECURITY_OFFICER'],
  '1 message to a member did not arrive.': CLOSED['/mail-messages']!,
}
// Buttons without text show a drawing: to copy, to show the whole of a digest, to open a calendar.
const DOWNLOADS = ['Download the internal anchor', 'Download the external anchor']
const NO_ACTS = new Set(['', ...DOWNLOADS, 'Sign out', 'Save the report', 'Try it out'])

async function actsOf({ page }: Visitor): Promise<string[]> {
  const buttons = await page.locator('main button:not(th button):not(.paging button)').allTextContents()
  return buttons.filter((button) => !NO_ACTS.has(button))
}

void t.test('each role sees its acts and pages, and no others', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  const mail = await startMailServer(t)
  mail.refuse = () => 550
  const node = await world.start({ mailServer: mail.server })
  await setUp(node, authority)
  await node.must('PUT', '/members/DEV:GOV:1234/mail-addresses', { addresses: ['desk@agency.example'] })
  await examineInstance(node, await startRunningInstance(t, world.clock.now))
  await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
  await node.must('PUT', '/automatic-approvals/clientReg/GOV')
  await node.must('POST', '/suspensions', { kind: 'server', subject: 'DEV:GOV:1234:SS1', reason: 'stolen' })
  await until('a message that was refused', async (saw) => {
    const rows = saw(await node.must('GET', '/mail-messages?state=REFUSED')) as object[]
    return rows.length === 1
  })
  const browser = await openBrowser()
  for (const role of ROLES) {
    const { secret } = (await node.must('POST', '/api-keys', { name: role, roles: [role] })) as {
      secret: string
    }
    const one = await visitor(t, browser, { base: baseOf(node), apiKey: secret })
    const { page } = one
    await one.open('/')
    const part = page.locator('section.part', { has: page.getByRole('heading', { name: 'Waits for you' }) })
    const waits = (await part.count()) > 0
    const nothing = page.locator('.calm').getByText('Nothing waits for you.')
    t.equal(await nothing.count(), waits ? 0 : 1, `${role}: in the calm line when nothing waits`)
    const mine = waits ? await part.textContent() : ''
    for (const [words, roles] of Object.entries(WAITING))
      t.equal(mine?.includes(words), roles.includes(role), `${role}: ${words}`)
    for (const [address, acts] of Object.entries(ACTS)) {
      await one.open(address)
      t.same((await actsOf(one)).sort(), (acts[role] ?? []).toSorted(), `${role} ${address}`)
    }
    for (const [address, roles] of Object.entries(CLOSED)) {
      const isOpen = roles.includes(role)
      await one.open(address)
      const link = page.locator(`nav:is(.main-nav, .tabs) a[href$="${address}"]`)
      t.equal((await link.count()) > 0, isOpen, `${role}: ${address} in the menu or its tabs`)
      const said = (await page.locator('main').textContent()) ?? ''
      t.equal(said.includes('Your roles do not include this page'), !isOpen, `${role} ${address}`)
    }
    await one.open('/members/DEV:GOV:1234')
    const history = page.getByRole('heading', { name: 'Last changes' })
    const mayRead = CLOSED['/audit-log']!.includes(role)
    const addresses = page.getByText('desk@agency.example', { exact: true })
    const knows = CLOSED['/mail-messages']!.includes(role)
    t.equal(await addresses.count(), knows ? 1 : 0, `${role}: addresses of a member`)
    t.equal(await history.count(), mayRead ? 1 : 0, `${role}: history`)
    t.equal(await page.locator('.timeline li').count(), mayRead ? 3 : 0, 'two subsystems, its addresses')
    if (role === 'XROAD_OBSERVER') {
      await one.check('observer')
      await one.open('/api-keys')
      await one.check('no-permission')
    }
  }
})

void t.test('signing in: no session, a key that is kept in memory only, signing out', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  const node = await world.start()
  const browser = await openBrowser()
  const one = await visitor(t, browser, { base: baseOf(node) })
  const { page } = one
  await one.open('/members?q=abc')
  await page.getByText('Login of persons is not set up').waitFor()
  t.equal(await page.getByRole('link', { name: 'Sign in' }).count(), 0)
  await one.check('sign-in')
  const key = page.getByLabel('API key', { exact: true })
  const enter = page.getByRole('button', { name: 'Use this key' })
  await enter.click()
  await page.getByRole('link', { name: 'Enter the API key.' }).waitFor()
  t.equal(await page.locator('.summary').evaluate((node) => node.matches(':focus')), true)
  await key.fill('short')
  await enter.click()
  await page.getByRole('link', { name: /An API key has 36/ }).waitFor()
  await one.check('sign-in-wrong')
  await key.fill(keyOf(node).replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))
  await enter.click()
  await page.getByText('does not know this key').waitFor()
  await key.fill(` ${keyOf(node)} `)
  await key.press('Enter')
  await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
  t.match(page.url(), /members\?q=abc$/, 'where one wanted to go')
  const kept = 'JSON.stringify([localStorage, sessionStorage, document.cookie, location.href, history.state])'
  t.equal(await page.evaluate(kept), JSON.stringify([{}, {}, '', page.url(), null]), 'nothing is kept')
  t.same(await page.context().cookies(), [])
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor()
  await key.fill(keyOf(node))
  await key.press('Enter')
  await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor()

  const withLogin = { provider: true, passkeys: false, origin: new URL(page.url()).origin }
  await page.route('**/login/means', (route) => route.fulfill({ json: withLogin }))
  await page.reload()
  t.match(await page.getByRole('link', { name: 'Sign in' }).getAttribute('href'), /^\/login$/)
  await one.check('sign-in-person')
})

void t.test('by keyboard alone: admit a member, be told what is wrong, delete it again', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  const node = await world.start()
  await setUp(node, authority)
  const browser = await openBrowser()
  const one = await visitor(t, browser, { base: baseOf(node), apiKey: keyOf(node) })
  const { page } = one
  const { keyboard } = page
  const focused = (): Promise<string> =>
    page.evaluate<string>(
      `(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim().slice(0, 60)`,
    )
  /** Presses Tab until that element has the focus. */
  const tabTo = async (words: string | RegExp): Promise<void> => {
    for (let at = 0; at < 60; at++) {
      await keyboard.press('Tab')
      const now = await focused()
      if (typeof words === 'string' ? now === words : words.test(now)) return
    }
    throw new Error(`no way to ${words} by Tab, but to ${await focused()}`)
  }
  await one.open('/')
  await keyboard.press('Tab')
  t.equal(await focused(), 'Skip to the page')
  await keyboard.press('Enter')
  t.equal(await page.locator('main').evaluate((main) => main.matches(':focus')), true)
  await page.reload()
  await one.settled()
  await tabTo('Members')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
  await one.settled()
  t.equal(await page.locator('main').evaluate((main) => main.matches(':focus')), true, 'taken to the page')
  await tabTo('Admit a member')
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await tabTo('Admit a member')
  await keyboard.press('Enter')
  t.match(await focused(), /This needs to be put right/, 'the summary has the focus')
  await one.check('dialog-wrong')
  await tabTo('Choose the member class.')
  await keyboard.press('Enter')
  t.match(await focused(), /^Member class/, 'a link of the summary leads to the field')
  await keyboard.type('G')
  await tabTo('Member code')
  await keyboard.type('a/b')
  await tabTo('Name')
  await keyboard.type('Tax & Customs')
  await keyboard.press('Enter')
  await page
    .getByRole('dialog')
    .getByText(/not allowed/)
    .waitFor()
  await tabTo('Member code')
  await keyboard.press('Control+a')
  await keyboard.type('4711')
  await keyboard.press('Enter')
  await page.getByText('Admitted:').waitFor()
  t.equal(await page.locator('dialog').count(), 0, 'the dialog has closed by itself')
  await one.check('act-happened')
  await page.getByRole('heading', { name: 'Tax & Customs', level: 1 }).waitFor()
  t.match(await node.must('GET', '/members/DEV:GOV:4711'), { name: 'Tax & Customs' })

  await tabTo('Delete')
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await keyboard.press('Escape')
  await page.locator('dialog').waitFor({ state: 'detached' })
  t.equal(await focused(), 'Delete', 'back to where one was')
  await keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await tabTo('Name, to confirm')
  await keyboard.type('Tax')
  await keyboard.press('Enter')
  await page.getByText('This is not the name that stands above.').first().waitFor()
  await one.check('dialog-delete')
  await tabTo('Name, to confirm')
  await keyboard.press('Control+a')
  await keyboard.type('Tax & Customs')
  await keyboard.press('Enter')
  await page.getByText('The member was deleted.').waitFor()
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
  t.equal((await node.call('GET', '/members/DEV:GOV:4711')).status, 404)
  await closeWhileSending(t, one)
})

void t.test('acts come to the registry: keys, certificates, anchors, groups', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = registryWorld(t)
  const dpa = await orderingAuthority(authority)
  const node = await world.start({ settings: dpa.settings })
  await setUp(node, authority)
  await publish(node)
  const browser = await openBrowser()
  const one = await visitor(t, browser, {
    ...{ base: baseOf(node), apiKey: keyOf(node) },
    context: { permissions: ['clipboard-read', 'clipboard-write'] },
  })
  const { page } = one
  const dialog = page.getByRole('dialog')
  const act = async (button: string | RegExp): Promise<void> => {
    await page.locator('main').getByRole('button', { name: button }).first().click()
    await dialog.waitFor()
  }
  const confirm = (button: string): Promise<void> =>
    dialog.getByRole('button', { name: button, exact: true }).click()
  const close = async (): Promise<void> => {
    if (await dialog.getByRole('button', { name: 'Close', exact: true }).isVisible()) await confirm('Close')
    await page.locator('dialog').waitFor({ state: 'detached' })
  }

  await one.open('/api-keys')
  await act('Make an API key')
  await dialog.getByLabel('Name').fill('robot')
  await confirm('Make an API key')
  await dialog.getByText('Roles: Choose at least one role.').waitFor()
  await dialog.getByLabel('Observer').check()
  await dialog.getByLabel('Only from').fill('127.0.0.0/8, 192.0.2.7')
  await one.check('api-key-bound')
  await confirm('Make an API key')
  await outcomeOf(page).getByText('it is not shown again').waitFor()
  const secret = (await dialog.locator('.id').textContent()) ?? ''
  await dialog.getByRole('button', { name: 'Copy API key' }).click()
  await until('the key in the clipboard', async (saw) =>
    saw((await page.evaluate<string>('navigator.clipboard.readText()')) === secret),
  )
  t.equal((await node.call('GET', '/members', undefined, secret)).status, 200)
  await close()
  t.notMatch(await page.content(), secret, 'gone for ever')
  await page.getByText('127.0.0.0/8, 192.0.2.7').waitFor()
  await act('Revoke robot')
  await dialog.getByLabel('Name, to confirm').fill('robot')
  await confirm('Revoke')
  await outcomeOf(page).getByText('The key was revoked.').waitFor()
  await close()
  await page.getByText('revoked', { exact: false }).first().waitFor()
  t.equal((await node.call('GET', '/members', undefined, secret)).status, 401)

  await one.open('/security-servers/DEV:GOV:1234:SS1')
  const file = path.join(world.directory, 'auth.der')
  const issued = { request: certificationRequest(), subject: [['CN', 'ss1.example']] as [string, string][] }
  writeFileSync(file, (await authority.issue({ ...issued, profile: 'authentication' })).der)
  await act('Add a certificate')
  await dialog.getByLabel('Certificate file').setInputFiles({
    name: 'no.pem',
    mimeType: 'application/x-pem-file',
    buffer: Buffer.from('no certificate'),
  })
  await confirm('Add a certificate')
  await dialog.locator('.summary').waitFor()
  await dialog.getByLabel('Certificate file').setInputFiles(file)
  await confirm('Add a certificate')
  await outcomeOf(page).getByText('The certificate was registered.').waitFor()
  await close()
  await page.getByText('CN=ss1.example').waitFor()
  await act('Register a client')
  await pick(page, 'Member or subsystem', 'plain', 'DEV:GOV:1234:plain')
  await confirm('Register a client')
  await outcomeOf(page).getByText('The client was registered.').waitFor()
  await close()
  await page.getByRole('cell', { name: 'DEV:GOV:1234:plain', exact: true }).waitFor()

  await one.open('/configuration')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download the internal anchor' }).click()
  const anchor = await download
  t.equal(anchor.suggestedFilename(), 'internal-configuration-anchor.xml')
  t.same(readFileSync(await anchor.path()), await anchorOf(node), 'byte for byte')
  await one.look('after-download')

  await one.open('/security-servers/DEV:GOV:1234:SS1')
  await act('Delete')
  await dialog.getByText('Left without any security server').waitFor()
  const unreported = (await dialog.textContent())!
  t.match(unreported, /DEV:GOV:1234:plain(?!.*0 calls).*Not reported by: 1.*Not known to the registry/s)
  await one.check('consequences-unreported')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await exchangesOfTheMonth(node.settings.database, world.clock.now)
  await act('Delete')
  await dialog.getByText('Who called what').waitFor()
  t.match(await dialog.textContent(), /1,200 calls answered, 1 failed.*the last on \d{4}-.*And 5 exchanges/s)
  await one.check('consequences')
  await dialog.getByRole('button', { name: 'Cancel' }).click()

  await one.open('/trust-services')
  await act('Approve a time-stamping service')
  const tsa = path.join(world.directory, 'tsa.der')
  writeFileSync(tsa, authority.tsa.der)
  await dialog.getByLabel('Name').fill('Second TSA')
  await dialog.getByLabel('URL').fill('http://tsa2.example/')
  await dialog.getByLabel('Certificate file').setInputFiles(tsa)
  await confirm('Approve a time-stamping service')
  await outcomeOf(page).getByText('It was approved.').waitFor()
  await close()
  await page.getByRole('heading', { name: 'Second TSA' }).waitFor()
  await trustIssuer(t, one, {
    ...{ ca: authority.root.der, directory: world.directory },
    issuers: () => node.must('GET', '/trusted-issuers'),
  })
  await tellSystems(t, one, node)
  await fileOrder(t, one, { node, dpa, now: world.clock.now })

  // The id of a server is written as that of a subsystem.
  const subsystem = { subsystemCode: 'SS1', name: 'No server' }
  await node.must('POST', '/members/DEV:GOV:1234/subsystems', subsystem)
  await one.open('/audit-log?q=authentication-certificates')
  const ofServer = await page.locator('tbody').textContent()
  t.match(ofServer, /DEV:GOV:1234:SS1/)
  t.notMatch(ofServer, 'No server', 'a server does not get the name of a subsystem')

  await one.open('/audit-log?q=second%20tsa')
  t.equal(await page.locator('tbody tr').count(), 1)
  await page.locator('tbody summary').click()
  t.match(
    await page.locator('tbody').textContent(),
    /initial approved a time-stamping service.*Second TSA.*addTimestampingService.*http:\/\/tsa2\.example/s,
  )
  await one.check('audit-record')
  await one.open('/audit-log')
  t.strictSame(await page.evaluate(FIND_WRONG), [], 'nothing sticks out, and no word is broken')
  for (const folded of await page.locator('tbody summary').all()) await folded.click()
  await one.check('audit-records-open')
  t.strictSame(await page.evaluate(FIND_WRONG), [], 'nor when all of it is open')
})
