/**
 * A security officer in the console: from a key to a certificate in use, the registration of another, PINs,
 * and internal TLS.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Locator } from 'playwright-core'
import type { Test } from 'tap'
import { subjectName } from '#console/agency/keys/shapes.ts'
import { goThrough, leaveDialog, outcomeOf, type Visitor } from '../browser.ts'
import { tabThrough } from '../keyboard.ts'
import { act, close } from '../second-person.ts'
import { ask, colons, type World } from '../world.ts'
import type { Asked, Windows } from './operate-windows.ts'

const OFFICER = ['XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR']
const KEY = 'tax 2027'

export async function operateKeys(t: Test, { world, at, browser }: Asked): Promise<void> {
  const windows = { wide: await at(t, browser, OFFICER), world }
  await seeTree(t, windows)
  await signWithAnother(t, windows)
  await registerAnother(t, windows)
  await lockAndUnlock(t, windows)
  await changeInternalTls(t, windows)
  await onlyLook(t, { world, at, browser })
}

async function seeTree(t: Test, windows: Windows): Promise<void> {
  const pretended = 'CN=x\\, O=Tax Agency,C=FI'
  t.equal(subjectName(pretended), 'x\\, O=Tax Agency', 'a comma within a name begins no other')
  const { wide } = windows
  const { page } = wide
  await wide.open('/keys')
  await page.getByRole('link', { name: 'signing', exact: true }).waitFor()
  const client = colons(windows.world.servers.tax.client)
  await page.getByRole('link', { name: client }).waitFor()
  await wide.checkBoth('keys')
  await tabThrough(t, page, 'keys')
  await page.getByRole('searchbox').fill('no such key')
  await page.getByText('Nothing fits this search').waitFor()
  await page.getByRole('searchbox').fill('')
  await page.getByRole('combobox', { name: 'Show' }).selectOption('AUTHENTICATION')
  await page.getByRole('link', { name: 'signing', exact: true }).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'authentication', exact: true }).waitFor()
  await wide.open('/keys?show=')
}

/** A certificate of the sandbox's authority for the request that the page shows, as a file to import. */
async function issued(world: World, { page }: Visitor, profile: string): Promise<object> {
  const body = await page.getByRole('textbox', { name: 'Certificate request' }).inputValue()
  const reply = await ask(world.trust.caUrl, `/certificates?profile=${profile}`, {
    ...{ method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body },
  })
  return { name: 'issued.pem', mimeType: 'application/x-pem-file', buffer: reply.body }
}

export async function importCertificate(
  { page }: Visitor,
  file: object,
  after: string | RegExp,
): Promise<void> {
  await page.locator('main').getByRole('button', { name: 'Import a certificate' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Certificate file').setInputFiles(file as never)
  await dialog.getByRole('button', { name: 'Import a certificate' }).click()
  const outcome = outcomeOf(page)
  await outcome
    .getByText(after)
    .waitFor()
    .catch(async (cause: Error) => {
      throw new Error(`the import said: ${(await outcome.allTextContents()).join()}`, { cause })
    })
}

async function signWithAnother(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  await wide.open('/keys')
  await page.getByRole('button', { name: 'Make a key on token' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Make a key' }).click()
  await page.getByRole('alert').getByText('Choose what the key is used for').waitFor()
  await wide.check('keys-make')
  await leaveDialog(page)
  await act(wide, /^Make a key/, { Use: 'SIGNING', Name: KEY }, 'Make a key', 'The key was made')
  await close(wide)
  await page.getByText('This key has no certificate yet').waitFor()
  await page.getByRole('link', { name: 'Make a request' }).click()
  const common = page.getByLabel('Common name (CN)')
  await keepTyped(t, wide, async () => {
    await page.getByLabel('Member').waitFor()
    await page.getByRole('button', { name: 'Show the name in it' }).click()
    return common
  })
  t.equal(await common.inputValue(), '1002', 'as the profile wants it')
  await common.fill('')
  await page.getByRole('button', { name: 'Make a request' }).click()
  await page.getByRole('alert').getByText('Enter the common name (CN).').waitFor()
  await common.fill('1002')
  await wide.checkBoth('key-request')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Make a request' }).click(),
  ])
  t.equal(download.suggestedFilename(), 'tax-2027-request.pem')
  const certificate = await issued(world, wide, 'signing')
  await page
    .getByRole('link', { name: `Back to ${KEY}` })
    .first()
    .click()
  const wrong = { name: 'x.pem', mimeType: 'text/plain', buffer: Buffer.from('rubbish') }
  await importCertificate(wide, wrong, /^The certificate cannot be read/)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Leave without it' }).click()
  await importCertificate(wide, certificate, 'The certificate was imported')
  await close(wide)
  const part = page.locator('section.part', { has: page.getByRole('heading', { name: /^Certificate Tax/ }) })
  await part.getByText('in use').waitFor()
  await wide.checkBoth('key')
  await act(wide, 'Deactivate', {}, 'Deactivate', 'not active any more')
  await close(wide)
  await part.getByText('not active').waitFor()
  await act(wide, 'Activate', {}, 'Activate', 'It is active')
  await close(wide)
  await act(wide, 'Rename', { Name: 'tax 2028' }, 'Rename', 'The key was renamed')
  await close(wide)
  const name = { 'Name, to confirm': 'tax 2028' }
  await act(wide, 'Delete the key', name, 'Delete the key', 'The key was deleted')
  await close(wide)
  await page.getByRole('heading', { name: 'Keys and certificates', level: 1 }).waitFor()
}

/**
 * What was typed on a page is not lost without a question: by the menu, the search, a step back, or by
 * loading the page anew.
 */
async function keepTyped(t: Test, { page, check }: Visitor, begin: () => Promise<Locator>): Promise<void> {
  const field = await begin()
  await field.fill('typed long')
  const address = page.url()
  const ways: Record<string, () => Promise<unknown>> = {
    menu: () => goThrough(page, 'Overview'),
    search: async () => {
      await page.keyboard.press('Control+k')
      await page.getByRole('combobox', { name: 'Search this console' }).fill('diagnos')
      await page.getByRole('option').first().click()
    },
    back: () => page.goBack(),
    'signing out': () => page.getByRole('button', { name: 'Sign out' }).click(),
  }
  for (const [way, go] of Object.entries(ways)) {
    await go()
    await page.getByRole('dialog', { name: 'Leave and lose what you typed?' }).waitFor()
    if (way === 'menu') await check('leave-question')
    await page.getByRole('button', { name: 'Go on typing' }).click()
    t.equal(await field.inputValue(), 'typed long', way)
    t.equal(page.url(), address, way)
  }
  // Both in one task: the question that is closed says so when the next one is there already.
  const link = await page.locator('.main-nav').getByRole('link', { name: 'Overview' }).elementHandle()
  await goThrough(page, 'Overview')
  const stay = await page.getByRole('button', { name: 'Go on typing' }).elementHandle()
  await page.evaluate(
    ([first, second]: { click(): void }[]) => [first!.click(), second!.click()],
    [stay!, link!],
  )
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)))
  await page.getByRole('button', { name: 'Go on typing' }).click()
  t.equal(page.url(), address, 'twice at once')
  const [asked] = await Promise.all([page.waitForEvent('dialog'), page.reload()])
  t.equal(asked.type(), 'beforeunload', 'loaded anew')
  await (await begin()).fill('typed again')
  await page.goBack()
  await page.getByRole('button', { name: 'Leave without it' }).click()
  await page.waitForURL((url) => url.href !== address)
  await page.goForward()
  await begin()
}

async function registerAnother(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  await wide.open('/keys')
  const fields = { Use: 'AUTHENTICATION', Name: 'next' }
  await act(wide, /^Make a key/, fields, 'Make a key', 'The key was made')
  await close(wide)
  await page.getByRole('link', { name: 'Make a request' }).click()
  const address = page.getByLabel('Name of this server')
  t.equal(await address.inputValue(), '', 'the registry knows an IP address, which is no name')
  await address.fill(world.servers.tax.address)
  await page.getByRole('button', { name: 'Show the name in it' }).click()
  await page.getByRole('alert').getByText('Enter a name').waitFor()
  await address.fill('next.example')
  await page.getByRole('button', { name: 'Show the name in it' }).click()
  await page.getByRole('button', { name: 'Make a request' }).click()
  await page.getByText('The request was made').first().waitFor()
  const certificate = await issued(world, wide, 'authentication')
  await page.getByRole('link', { name: 'Back to next' }).first().click()
  await importCertificate(wide, certificate, 'Register the certificate at the central registry')
  await close(wide)
  await page.getByText('not registered').first().waitFor()
  await wide.checkBoth('key-unregistered')
  await act(wide, 'Register', {}, 'Register', 'was filed')
  await wide.check('key-registering')
  await page.locator('.happened').getByRole('link', { name: 'All requests of this server' }).click()
  await page.locator('.status', { hasText: 'to be decided' }).first().waitFor()
  await wide.checkBoth('requests')
  await act(wide, /^Take back/, {}, 'Take back', 'The request was taken back')
  await close(wide)
  await page.locator('.status', { hasText: 'revoked' }).first().waitFor()
  await page.getByRole('combobox', { name: 'State' }).selectOption('DECLINED')
  await page.getByText('Nothing fits this search').waitFor()
  await wide.open('/keys')
  await page.getByRole('link', { name: 'next', exact: true }).click()
  await act(wide, 'Delete the key', { 'Name, to confirm': 'next' }, 'Delete the key', 'was deleted')
  await close(wide)
}

async function lockAndUnlock(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const pin = readFileSync(path.join(world.servers.tax.directory, 'pin'), 'utf8').trim()
  await wide.open('/keys')
  const changed = { 'Present PIN': pin, 'New PIN': 'a new PIN of 7 words', 'New PIN, again': 'another' }
  await act(wide, 'Change the PIN', changed, 'Change the PIN', 'The two new PINs differ')
  await page.getByRole('dialog').getByLabel('New PIN, again').fill('a new PIN of 7 words')
  await page.getByRole('dialog').getByRole('button', { name: 'Change the PIN' }).click()
  await page.getByText('The PIN was changed').waitFor()
  await close(wide)
  const token = { 'Name, to confirm': 'softToken-0' }
  await act(wide, /^Log out/, token, 'Log out', 'The token is logged out')
  await close(wide)
  await page.locator('.status', { hasText: 'logged out' }).waitFor()
  await wide.checkBoth('keys-locked')
  t.equal(await page.getByRole('button', { name: 'Make a key' }).count(), 0, 'nothing can be made')
  await page.getByRole('link', { name: 'signing', exact: true }).click()
  await page.getByRole('button', { name: 'Delete the key' }).click()
  await page.getByRole('dialog').getByText('no other can: 2 clients wait').waitFor()
  await leaveDialog(page)
  await wide.open('/diagnostics?state=ERROR')
  await page.getByText('Log in to the token with its PIN').first().waitFor()
  await wide.checkBoth('diagnostics-locked')
  await wide.open('/keys')
  await act(wide, /^Log in/, { PIN: pin }, 'Log in', 'The PIN is not correct')
  await wide.check('keys-log-in')
  await page.getByRole('dialog').getByLabel('PIN').fill('a new PIN of 7 words')
  await page.getByRole('dialog').getByRole('button', { name: 'Log in' }).click()
  await page.getByText('The token is logged in').waitFor()
  await close(wide)
  const back = { 'Present PIN': 'a new PIN of 7 words', 'New PIN': pin, 'New PIN, again': pin }
  await act(wide, 'Change the PIN', back, 'Change the PIN', 'The PIN was changed')
  await close(wide)
  await act(wide, 'Ask OCSP now', {}, 'Ask OCSP now', 'Every active certificate is good')
  await close(wide)
}

async function changeInternalTls(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  await wide.open('/keys')
  await page.getByRole('link', { name: 'Internal TLS' }).click()
  await page.getByRole('heading', { name: /^Certificate/ }).waitFor()
  await wide.settled()
  await wide.checkBoth('internal-tls')
  const names = {
    ...{ 'Common name (CN)': 'ss.tax.example', 'Country (C)': 'fi', 'DNS names': 'ss.tax.example' },
    // The systems of this instance call it by its address.
    'IP addresses': world.servers.tax.address,
  }
  await act(wide, 'Make a request', names, 'Make a request', 'This needs to be put right')
  await page.getByRole('alert').getByText('two capital letters').waitFor()
  await page.getByLabel('Country (C)').fill('FI')
  await page.getByRole('dialog').getByRole('button', { name: 'Make a request' }).click()
  await page.getByText('Your browser saves internal-tls-request.pem').waitFor()
  await wide.check('internal-tls-request')
  const certificate = await issued(world, wide, 'client-system')
  await close(wide)
  await importCertificate(wide, certificate, 'Systems now see')
  await close(wide)
  await page.getByRole('heading', { name: 'Certificate ss.tax.example' }).waitFor()
  t.match(
    await page.locator('main').textContent(),
    /Your systems trust it if they trust its issuer/,
    'issued by an authority',
  )
}

/** An observer sees all of it and can do nothing. */
async function onlyLook(t: Test, { at, browser }: Asked): Promise<void> {
  const observer = await at(t, browser, ['XROAD_SECURITYSERVER_OBSERVER'])
  for (const address of ['/keys', '/keys/internal-tls', '/settings', '/requests']) {
    await observer.open(address)
    const acts = observer.page.locator('main button:not(:text-is("Copy"))').filter({ hasText: /\S/ })
    t.equal(await acts.count(), 0, `${address}: no act`)
  }
  await observer.open('/diagnostics')
  await observer.page.getByRole('link', { name: 'Why does a call fail?' }).waitFor()
}
