/** What an operator seldom does with a server, and never without need: each once, in the browser. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { anchorHash } from '#core/configuration/anchor.ts'
import { outcomeOf } from '../browser.ts'
import { act, close } from '../second-person.ts'
import { ask } from '../world.ts'
import type { Fresh } from './begin-server.ts'
import { decide } from './operate-clients.ts'
import type { Windows } from './operate-windows.ts'

const PIN = 'seven swans and one goose'
const OTHER = 'DEV:GOV:1002'

export async function keepServer(t: Test, windows: Windows, server: Fresh): Promise<void> {
  await startAgain(windows, server)
  await takeOver(t, windows, server)
  await renewTls(t, windows)
  await anotherAnchor(windows)
  await anotherAddress(t, windows, server)
  await anotherOwner(windows, server)
  await withdraw(windows)
}

/** Without a PIN file somebody logs in after each start. */
async function startAgain({ wide }: Windows, server: Fresh): Promise<void> {
  const { page } = wide
  await server.restart()
  await wide.load('/first-start')
  const step = page.locator('li.step', { hasText: 'Token and PIN' })
  await step.getByText('The token is locked').waitFor()
  await wide.check('first-start-locked')
  await act(wide, /^Log in to token/, { PIN }, 'Log in', 'The token is logged in')
  await close(wide)
  await step.locator('summary .status', { hasText: 'done' }).waitFor()
}

async function takeOver(t: Test, { wide, world }: Windows, server: Fresh): Promise<void> {
  const { page } = wide
  const folder = mkdtempSync(path.join(world.directory, 'p12-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=x',
    '-keyout',
    'k.pem',
    '-out',
    'c.pem',
  )
  openssl(
    'pkcs12',
    '-export',
    '-inkey',
    'k.pem',
    '-in',
    'c.pem',
    '-passout',
    'pass:123456',
    '-out',
    'old.p12',
  )
  const buffer = readFileSync(path.join(folder, 'old.p12'))
  await wide.load('/keys')
  await page.getByRole('button', { name: 'Take over an X-Road key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('The .p12 file').setInputFiles({ name: 'old.p12', mimeType: 'x', buffer })
  await dialog.getByLabel('Its password').fill('wrong')
  await dialog.getByLabel('Use').selectOption('SIGNING')
  await dialog.getByRole('button', { name: 'Take over an X-Road key' }).click()
  await dialog.getByRole('alert').waitFor()
  await wide.check('keys-take-over')
  await dialog.getByLabel('Its password').fill('123456')
  await dialog.getByRole('button', { name: 'Take over an X-Road key' }).click()
  await outcomeOf(page).getByText('1 key was taken over').waitFor()
  await close(wide)
  const [token] = await server.admin.get<{ keys: unknown[] }[]>('/tokens')
  t.equal(token!.keys.length, 3)
}

async function renewTls(t: Test, { wide }: Windows): Promise<void> {
  const { page } = wide
  await wide.open('/keys/internal-tls')
  const before = await page.locator('.facts .copyable').last().textContent()
  await act(
    wide,
    'Make a new key',
    { 'Name, to confirm': 'new key' },
    'Make a new key',
    'The new key is in use',
  )
  await close(wide)
  await wide.settled()
  t.not(await page.locator('.facts .copyable').last().textContent(), before)
}

/** Of the same registry, made at another time: it has another hash, and what was fetched holds on. */
async function anotherAnchor({ wide, world }: Windows): Promise<void> {
  const { page } = wide
  const present = Buffer.from(await world.registryAdmin.bytes('/configuration/anchors/internal'))
  const other = Buffer.from(present.toString().replace(/(generatedAt>20)../, '$125'))
  await wide.open('/settings')
  await page.getByText('Configuration anchor').click()
  await page
    .getByLabel('Anchor file')
    .setInputFiles({ name: 'other.xml', mimeType: 'text/xml', buffer: other })
  await page.getByRole('button', { name: 'Read the file' }).click()
  const hash = { 'Hash that the operator told you': anchorHash(other).toLowerCase().replaceAll(':', '') }
  await act(wide, 'Install this anchor', hash, 'Install this anchor', 'The anchor is installed')
  await close(wide)
  await page.getByText('This is the anchor that is installed').waitFor()
  await page.getByText('valid').first().waitFor()
}

async function anotherAddress(t: Test, windows: Windows, server: Fresh): Promise<void> {
  const { wide, world } = windows
  const address = { 'New address': world.address(8) }
  await act(wide, 'Change the address', address, 'Change the address', 'was filed')
  await close(wide)
  await decide(windows)
  await server.admin.send('PUT', '/global-configuration/refresh')
  await wide.load('/settings')
  await wide.page.getByText(world.address(8)).first().waitFor()
  t.not(world.address(8), server.address)
}

/** Both sign: the owner, and the member that takes over, which has a key here too. */
async function anotherOwner({ wide, world }: Windows, { admin }: Fresh): Promise<void> {
  const { page } = wide
  const { csr } = await admin.send<{ csr: { pem: string } }>('POST', '/tokens/0/keys-with-csrs', {
    ...{ key: { usage: 'SIGNING', label: 'tax' }, csr: { memberId: OTHER } },
  })
  const reply = await ask(world.trust.caUrl, '/certificates?profile=signing', {
    ...{ method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: csr.pem },
  })
  await admin.send('POST', '/token-certificates', reply.body)
  await wide.open('/clients/add?q=1002')
  await act(wide, `Add the member ${OTHER}`, {}, 'Add the member', 'Register it next')
  await close(wide)
  await act(wide, 'Register', {}, 'Register', 'was filed')
  await close(wide)
  await decide({ world })
  await admin.send('PUT', '/global-configuration/refresh')
  await wide.load(`/clients/${OTHER}`)
  await act(wide, 'Make it the owner', { 'Name, to confirm': OTHER }, 'Make it the owner', 'was filed')
  await wide.check('client-make-owner')
  await close(wide)
  await wide.open('/requests')
  await page.getByRole('cell', { name: /owner/ }).first().waitFor()
  await act(wide, /^Take back/, {}, 'Take back', 'The request was taken back')
  await close(wide)
}

/** The last thing: afterwards nobody connects with this server. */
async function withdraw(windows: Windows): Promise<void> {
  const { wide } = windows
  const { page } = wide
  await wide.open('/keys')
  await page.getByRole('link', { name: 'authentication', exact: true }).click()
  await page.getByRole('button', { name: 'Unregister' }).click()
  const dialog = page.getByRole('dialog')
  const name = (await dialog.locator('.name-to-type').textContent())!
  await dialog.getByLabel('Name, to confirm').fill(name)
  await dialog.getByRole('button', { name: 'Unregister' }).click()
  await outcomeOf(page).getByText('was filed').waitFor()
  await wide.check('key-unregistering')
  await close(wide)
}
