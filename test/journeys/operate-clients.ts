/**
 * A registration officer and a service administrator: a client from its addition to its deletion, its
 * systems, and local groups.
 */

import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { leaveDialog, outcomeOf } from '../browser.ts'
import { act, close } from '../second-person.ts'
import { colons } from '../world.ts'
import { type Asked, seeEmptyOnPhone, type Windows } from './operate-windows.ts'

const OFFICERS = [
  'XROAD_REGISTRATION_OFFICER',
  'XROAD_SERVICE_ADMINISTRATOR',
  'XROAD_SECURITY_OFFICER',
  'XROAD_SYSTEM_ADMINISTRATOR',
]
const CODE = 'archive'

export async function operateClients(t: Test, { world, at, browser }: Asked): Promise<void> {
  const windows = { wide: await at(t, browser, OFFICERS), world }
  const id = `${colons(world.servers.tax.member)}:${CODE}`
  await addAndRegister(t, windows, id)
  await keepSystems(t, windows, id)
  await keepGroups(t, windows, id)
  await endClient(t, windows, id)
  await changeSettings(t, windows)
}

async function addAndRegister(t: Test, windows: Windows, id: string): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const member = colons(world.servers.tax.member)
  await wide.open('/clients')
  await page.getByRole('link', { name: 'Add a client' }).click()
  await page.getByText('client of this server').first().waitFor()
  await wide.checkBoth('client-add')
  await seeEmptyOnPhone(t, windows, 'client-add')
  await page.getByRole('searchbox').fill('business')
  await page.waitForURL(/q=business/)
  await wide.answered()
  t.equal(await page.locator('tbody tr').count(), 1, 'searched, not typed')
  await wide.open('/clients/add?q=')
  const fields = { 'Code of the subsystem': CODE }
  await act(wide, `Add another subsystem of ${member}`, fields, 'Another subsystem', 'Register it next')
  await close(wide)
  await page.getByText('not registered').first().waitFor()
  await wide.checkBoth('client-saved')
  await act(wide, 'Register', { 'Name of the subsystem': 'Tax archive' }, 'Register', 'was filed')
  await close(wide)
  await page.locator('.status', { hasText: 'registration asked for' }).waitFor()
  await wide.open('/')
  await page.getByRole('link', { name: /^\d+ requests? of this server to the registry/ }).waitFor()
  await wide.open(`/clients/${id}`)
  await page.getByRole('link', { name: 'Requests to the registry about it' }).click()
  await page
    .getByRole('cell', { name: /Register a client/ })
    .first()
    .waitFor()
  await decide(windows)
  await wide.open(`/clients/${id}`)
  await page.locator('.status', { hasText: /^\s*registered$/ }).waitFor()
  await page.getByRole('heading', { name: 'Tax archive', level: 1 }).waitFor()
  await page.getByRole('button', { name: 'Rename' }).click()
  t.equal(await page.getByLabel('Name of the subsystem').inputValue(), 'Tax archive')
  await leaveDialog(page)
  await act(wide, 'Rename', { 'Name of the subsystem': 'Archive of taxes' }, 'Rename', 'was filed')
  await close(wide)
  await act(wide, 'Disable', {}, 'Disable', 'was filed')
  await close(wide)
  await decide(windows)
  await wide.open('/requests?state=APPROVED')
  await page
    .getByRole('cell', { name: /Disable a client/ })
    .first()
    .waitFor()
  await wide.checkBoth('requests-approved')
  await wide.open(`/clients/${id}`)
  await page.locator('.status', { hasText: /^\s*disabled$/ }).waitFor()
  await page.getByRole('heading', { name: 'Archive of taxes', level: 1 }).waitFor()
  await wide.checkBoth('client-disabled')
  await act(wide, 'Enable', {}, 'Enable', 'was filed')
  await close(wide)
  await page.locator('.status', { hasText: 'about to be enabled' }).waitFor()
}

/** The registry approves whatever waits for it, and every server gets the configuration. */
export async function decide({ world }: Pick<Windows, 'world'>): Promise<void> {
  type Waiting = { id: number; state: string }
  const all = await world.registryAdmin.get<Waiting[]>('/management-requests?state=SUBMITTED_FOR_APPROVAL')
  for (const { id } of all.toSorted((a, b) => a.id - b.id)) {
    const { contentHash } = await world.registryAdmin.get<{ contentHash: string }>(
      `/management-requests/${id}`,
    )
    await world.registryAdmin.send('POST', `/management-requests/${id}/approve`, { contentHash })
  }
  await world.publish()
}

async function keepSystems(t: Test, windows: Windows, id: string): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  await wide.open(`/clients/${id}`)
  await page.getByRole('link', { name: 'Its systems' }).click()
  await page.getByText('No system can ask in its name yet').waitFor()
  await wide.checkBoth('client-systems-none')
  const change = { 'Connection of its systems': 'NOSSL' }
  await act(wide, 'Change the connection', change, 'Change the connection', 'by plain HTTP now')
  await close(wide)
  await page.getByText('requests travel unencrypted').waitFor()
  await page.getByRole('button', { name: 'Add a certificate' }).click()
  const dialog = page.getByRole('dialog')
  // The file has the issuers of the certificate too.
  const [own] = readFileSync(world.servers.tax.systemCertificateFile, 'utf8').split(
    /(?<=END CERTIFICATE-----\n)/,
  )
  const file = { name: 'system.pem', mimeType: 'application/x-pem-file', buffer: Buffer.from(own!) }
  await dialog.getByLabel('Certificate file').setInputFiles(file)
  await dialog.getByRole('button', { name: 'Add a certificate' }).click()
  await outcomeOf(page).getByText('It was added').waitFor()
  await close(wide)
  await wide.checkBoth('client-systems')
  await page.getByRole('button', { name: /^Delete the certificate/ }).click()
  const typed = (await dialog.locator('.name-to-type').textContent())!
  await dialog.getByLabel('Name, to confirm').fill(typed.slice(0, -1))
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await dialog.getByRole('alert').waitFor()
  await dialog.getByLabel('Name, to confirm').fill(typed)
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await outcomeOf(page).getByText('The certificate was deleted').waitFor()
  await close(wide)
  await page.getByText('No system is known by a certificate').waitFor()
  t.equal(await page.locator('tbody tr').count(), 0)
}

async function keepGroups(t: Test, windows: Windows, id: string): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  await page.getByRole('link', { name: 'Local groups' }).click()
  await page.getByText('There is no group yet').waitFor()
  const fields = { Code: 'inspectors', Description: 'Who inspects' }
  await act(wide, 'Make a group', fields, 'Make a group', 'The group was made')
  await close(wide)
  await page.getByText('The group has no member').waitFor()
  await page.getByRole('link', { name: 'Add members' }).click()
  const member = colons(world.servers.population.client)
  await page.getByRole('button', { name: `Add ${member} to inspectors` }).waitFor()
  await wide.checkBoth('group-add')
  await seeEmptyOnPhone(t, windows, 'group-add')
  await act(wide, `Add ${member} to inspectors`, {}, 'Add', 'It was added')
  await close(wide)
  await page.getByRole('button', { name: `Remove ${member} from inspectors` }).waitFor()
  await page.getByRole('link', { name: 'Back to inspectors' }).click()
  await act(
    wide,
    'Change the description',
    { Description: 'Offices that inspect' },
    'Change the description',
    'was changed',
  )
  await close(wide)
  await page.getByText('Offices that inspect').waitFor()
  await wide.checkBoth('group')
  await wide.open(`/clients/${id}/groups`)
  await page.getByText('in force').waitFor()
  await wide.checkBoth('groups')
  await page.getByRole('link', { name: 'inspectors' }).click()
  await act(wide, `Remove ${member} from inspectors`, {}, 'Remove', 'It was removed')
  await close(wide)
  const name = { 'Name, to confirm': 'inspectors' }
  await act(wide, 'Delete the group', name, 'Delete the group', 'The group was deleted')
  await close(wide)
  await page.getByText('There is no group yet').waitFor()
}

async function endClient(t: Test, windows: Windows, id: string): Promise<void> {
  const { wide } = windows
  const { page } = wide
  await decide(windows)
  await wide.open(`/clients/${id}`)
  await page.locator('.status', { hasText: /^\s*registered$/ }).waitFor()
  const name = { 'Name, to confirm': id }
  await act(wide, 'Unregister', name, 'Unregister', 'was filed')
  await close(wide)
  await decide(windows)
  await wide.open(`/clients/${id}`)
  await act(wide, 'Delete', name, 'Delete', 'The client was deleted')
  await close(wide)
  await page.getByRole('heading', { name: 'Clients and services', level: 1 }).waitFor()
  await wide.answered()
  t.equal(await page.getByRole('link', { name: id }).count(), 0)
}

async function changeSettings(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const { directory, address } = world.servers.tax
  const file = path.join(directory, 'configuration/anchor.xml')
  await wide.open('/settings')
  await page.getByText('Other servers send their requests here').waitFor()
  await wide.checkBoth('settings')
  await page.getByText('Configuration anchor').click()
  await page.getByLabel('Anchor file').setInputFiles(file)
  await page.getByRole('button', { name: 'Read the file' }).click()
  await page.getByText('This is the anchor that is installed').waitFor()
  // An anchor of the same registry that was made at another time has another hash.
  const other = readFileSync(file, 'utf8').replace(/(generatedAt>20)../, '$125')
  t.not(other, readFileSync(file, 'utf8'))
  await page
    .getByLabel('Anchor file')
    .setInputFiles({ name: 'other.xml', mimeType: 'text/xml', buffer: Buffer.from(other) })
  await page.getByRole('button', { name: 'Read the file' }).click()
  await page.getByRole('button', { name: 'Install this anchor' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Hash that the operator told you').fill('AA:BB')
  await dialog.getByRole('button', { name: 'Install this anchor' }).click()
  await dialog.getByRole('alert').getByText('It is not the hash of this file').waitFor()
  await wide.check('settings-anchor')
  await leaveDialog(page)
  await page.getByRole('button', { name: 'Change the address' }).click()
  t.equal(await dialog.getByLabel('New address').inputValue(), address)
  await dialog.getByRole('button', { name: 'Change the address' }).click()
  await dialog.getByRole('alert').getByText('This is the present address').waitFor()
  await leaveDialog(page)
  const message = { 'Message to others': 'Back at noon' }
  await act(wide, 'Begin maintenance', message, 'Begin maintenance', 'was filed')
  await close(wide)
  await decide(windows)
  await wide.load('/settings')
  await page.getByText('Back at noon').waitFor()
  await wide.check('settings-maintenance')
  await act(wide, 'End maintenance', {}, 'End maintenance', 'was filed')
  await close(wide)
  await decide(windows)
}
