/**
 * An agency's operator brings a security server from nothing to its first answered call, in the browser
 * alone: the registry's administrators and the certification authority do their part where they sit. Then
 * what such a server seldom needs: another start, a new TLS key, another anchor, another address, an owner
 * that changes, a certificate that is withdrawn.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Download, Locator } from 'playwright-core'
import type { Test } from 'tap'
import { anchorHash } from '#core/configuration/anchor.ts'
import { outcomeOf, type Visitor, visitor } from '../browser.ts'
import { tabThrough } from '../keyboard.ts'
import { startProcess } from '../processes.ts'
import { act, close } from '../second-person.ts'
import { ask, openAdmin, type World } from '../world.ts'
import { keepServer } from './keep-server.ts'
import { countAgain, keepWhatIsRead, waitForOneLook } from './look-again.ts'
import { decide } from './operate-clients.ts'
import { importCertificate } from './operate-keys.ts'
import type { Asked, Windows } from './operate-windows.ts'

const PIN = 'seven swans and one goose'

/** A server that nobody has set up: its settings name who it is and where it listens, and no PIN. */
async function freshServer(t: Test, world: World) {
  const { directory } = world
  const address = world.address(7)
  const folder = path.join(directory, 'harbour')
  mkdirSync(folder, { mode: 0o700 })
  const settings = `server: DEV/GOV/1005/SS-HARBOUR
directory: ./harbour
database: sqlite:${folder}/server.db
messageLogDatabase: sqlite:${folder}/message-log.db
peers: { address: ${address} }
clients: { http: { address: ${address} }, https: { address: ${address} } }
admin: { address: ${address}, initialApiKeyFile: ./harbour/api-key }
development: true
`
  writeFileSync(path.join(directory, 'harbour.yaml'), settings)
  const start = () =>
    startProcess({ name: 'harbour', command: 'security-server', directory, environment: {} })
  let running = await start()
  t.teardown(() => running.stop())
  const base = `http://${address}:4000`
  const apiKey = readFileSync(path.join(folder, 'api-key'), 'utf8').trim()
  return {
    ...{
      address,
      base: `${base}/console`,
      apiKey,
      admin: openAdmin(`${base}/api/v1`, apiKey, 'security-server'),
    },
    async restart() {
      await running.stop()
      running = await start()
    },
  }
}

export type Fresh = Awaited<ReturnType<typeof freshServer>>

export async function beginServer(t: Test, { world, browser }: Asked): Promise<void> {
  const server = await freshServer(t, world)
  const windows = { wide: await visitor(t, browser, server), world }
  const began = Date.now()
  await believe(t, windows)
  await certify(windows, async () => {
    const colleague = await visitor(t, browser, server)
    await keepWhatIsRead(t, colleague)
    await waitForOneLook(t, colleague)
  })
  await serve(windows)
  await callFirst(t, windows, await visitor(t, browser, server))
  t.comment(`from nothing to the first answered call: ${Math.round((Date.now() - began) / 1000)} s`)
  await keepServer(t, windows, server)
}

/** A step of the guide, by its heading. */
function stepOf({ page }: Visitor, name: string): Locator {
  return page.locator('li.step', { has: page.getByRole('heading', { name, exact: true }) })
}

async function becomes(visitor: Visitor, name: string, state: string): Promise<void> {
  await stepOf(visitor, name).locator('summary .status', { hasText: state }).waitFor()
}

async function believe(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  await wide.open('/')
  await page.getByText('0 of 10 steps of its first start are done').waitFor()
  await page.getByRole('link', { name: 'Go on with the first start' }).click()
  await becomes(wide, 'Believe an instance', 'to do')
  await wide.checkBoth('first-start-nothing')
  await tabThrough(t, page, 'first-start')
  const anchor = Buffer.from(await world.registryAdmin.bytes('/configuration/anchors/internal'))
  const file = { name: 'anchor.xml', mimeType: 'text/xml', buffer: anchor }
  await page.getByLabel('Anchor file').setInputFiles(file)
  await page.getByRole('button', { name: 'Read the file' }).click()
  await page.getByText(anchorHash(anchor)).waitFor()
  await page.getByText(new URL(world.registry.publicUrl).host).first().waitFor()
  await wide.check('first-start-anchor')
  await act(
    wide,
    'Install this anchor',
    { 'Hash that the operator told you': anchorHash(anchor) },
    'Install this anchor',
    'The anchor is installed',
  )
  await close(wide)
  await becomes(wide, 'Fetch its configuration', 'done')
  await becomes(wide, 'Owner and server code', 'waits for others')
  await page.getByText('The administrators of the registry of DEV act').first().waitFor()
  await wide.checkBoth('first-start-no-member')
  const member = { memberClass: 'GOV', memberCode: '1005', name: 'Harbour Agency' }
  await world.registryAdmin.send('POST', '/members', member)
  await world.publish()
  await fetchConfiguration(wide, 'Owner and server code')
  await becomes(wide, 'Owner and server code', 'done')
  const pins = { 'New PIN': 'short', 'New PIN, again': 'short' }
  await act(wide, 'Make the software token', pins, 'Make the software token', 'This needs to be put right')
  await wide.check('first-start-pin')
  const dialog = page.getByRole('dialog')
  for (const label of ['New PIN', 'New PIN, again']) await dialog.getByLabel(label, { exact: true }).fill(PIN)
  await dialog.getByRole('button', { name: 'Make the software token' }).click()
  await outcomeOf(page).getByText('was made').waitFor()
  await close(wide)
  await becomes(wide, 'Token and PIN', 'done')
}

/** What the registry has published comes by itself within a minute; the operator does not wait for it. */
const fetchConfiguration = (wide: Visitor, name: string): Promise<void> =>
  actUnlessDone(wide, name, 'Fetch the configuration', 'The configuration was fetched')

/** The only act of a step that its server takes by itself too, maybe just then. */
async function actUnlessDone(wide: Visitor, name: string, button: string, after: string): Promise<void> {
  const isDone = stepOf(wide, name).locator('summary .status', { hasText: 'done' })
  await stepOf(wide, name).getByRole('button', { name: button }).or(isDone).first().click()
  const confirm = wide.page.getByRole('dialog').getByRole('button', { name: button })
  await confirm.or(isDone).first().waitFor()
  if (!(await confirm.isVisible())) return
  await confirm.click()
  await outcomeOf(wide.page).getByText(after).first().waitFor()
  await close(wide)
}

/** Nobody touches the page: it sees by itself that the registry has approved. */
async function isApproved(wide: Visitor, name: string): Promise<void> {
  const approved = stepOf(wide, name).getByText('The registration is approved')
  const isDone = stepOf(wide, name).locator('summary .status', { hasText: 'done' })
  await approved.or(isDone).first().waitFor()
  await fetchConfiguration(wide, name)
  await becomes(wide, name, 'done')
}

/** `meanwhile`: while a request waits for the registry's administrators. */
async function certify(windows: Windows, meanwhile: () => Promise<void>): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const other = 'Certificate for connections, and registration'
  await certifyOne(windows, 'Certificate for signing', 'signing')
  await becomes(wide, 'Certificate for signing', 'done')
  await wide.checkBoth('first-start-signing')
  await certifyOne(windows, other, 'authentication')
  const address = world.address(7)
  await stepOf(wide, other).getByText('The registration of the certificate is not filed').waitFor()
  await act(wide, 'Register', { 'Address of this server': address }, 'Register', 'was filed')
  await close(wide)
  await becomes(wide, other, 'waits for others')
  await stepOf(wide, other).getByText('filed and not decided yet').waitFor()
  await wide.checkBoth('first-start-registering')
  await meanwhile()
  await decide({ world })
  await isApproved(wide, other)
  await page.getByText('6 of 10 steps are done').waitFor()
}

async function certifyOne(windows: Windows, name: string, profile: string): Promise<void> {
  const { wide, world } = windows
  const step = stepOf(wide, name)
  if (profile === 'authentication') await step.getByLabel('Name of this server').fill('ss.harbour.example')
  await step.getByRole('button', { name: 'Show the name in it' }).click()
  const made = step.getByRole('button', { name: 'Make a request' })
  await made.waitFor()
  await wide.check(`first-start-${profile}-request`)
  const [download] = await Promise.all([wide.page.waitForEvent('download'), made.click()])
  const certificate = await issued(world, download, profile)
  await becomes(wide, name, 'waits for others')
  await step.getByRole('button', { name: 'Download' }).waitFor()
  await importCertificate(wide, certificate, 'The certificate was imported')
  await close(wide)
}

/** What the certification authority makes of the file that the browser saved. */
async function issued(world: World, download: Download, profile: string): Promise<object> {
  const body = readFileSync(await download.path())
  const reply = await ask(world.trust.caUrl, `/certificates?profile=${profile}`, {
    ...{ method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body },
  })
  return { name: 'issued.pem', mimeType: 'application/x-pem-file', buffer: reply.body }
}

async function serve(windows: Windows): Promise<void> {
  const { wide, world } = windows
  const [client, service] = ['First client', 'First service']
  const fields = { 'Code of the subsystem': 'berths' }
  await act(wide, /^Add another subsystem/, fields, 'Another subsystem', 'Register it next')
  await close(wide)
  await stepOf(wide, client).getByText('The registration of the client is not filed').waitFor()
  await act(wide, 'Register', { 'Name of the subsystem': 'Berths' }, 'Register', 'was filed')
  await close(wide)
  await becomes(wide, client, 'waits for others')
  await wide.checkBoth('first-start-client')
  await decide({ world })
  await isApproved(wide, client)
  const { address, populationRegister } = world.systems
  const rest = {
    'Service code': 'persons',
    'Address of the system': `http://${address}:${populationRegister}`,
  }
  await act(wide, 'Add without a document', rest, 'Add without a document', 'Next: look at its settings')
  await close(wide)
  await stepOf(wide, service).getByText('Nobody may call the service yet').waitFor()
  await wide.checkBoth('first-start-service')
  await act(wide, /^Give a right to/, {}, 'Give a right', 'The right was given')
  await close(wide)
  await stepOf(wide, service).getByText('The service is switched off').waitFor()
  await act(wide, 'Switch on', {}, 'Switch on', 'It is on')
  await close(wide)
  await becomes(wide, service, 'done')
}

/** `slower`: a colleague whose call comes after the first one. */
async function callFirst(t: Test, windows: Windows, slower: Visitor): Promise<void> {
  const { wide } = windows
  const { page } = wide
  const step = stepOf(wide, 'First call')
  await step.getByLabel('Path').waitFor()
  t.equal(await step.getByLabel('Case').inputValue(), 'first-start')
  await wide.checkBoth('first-start-call')
  await slower.open('/first-start')
  const late = stepOf(slower, 'First call')
  for (const form of [step, late]) await form.getByLabel('Path').fill('/persons/P00000007')
  await step.getByRole('button', { name: 'Send' }).click()
  await step.getByText('The service answered.').waitFor()
  const send = late.getByRole('button', { name: 'Send' })
  // The page may have seen it before this press, which the server refuses now.
  await send
    .or(late.locator('summary .status', { hasText: 'done' }))
    .first()
    .click()
  await becomes(slower, 'First call', 'done')
  await send.waitFor({ state: 'hidden' })
  t.equal(await slower.page.getByRole('alert').count(), 0, 'no call is offered that would be refused')
  t.match(await step.getByLabel('Content').inputValue(), /"code": "P00000007"/)
  await becomes(wide, 'First call', 'done')
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor()
  t.ok(await step.getByLabel('Content').isVisible(), 'the answer stays in sight')
  await wide.check('first-start-answered')
  // At a slow machine the server's own interval is over before a person is here.
  await actUnlessDone(wide, 'Time-stamp', 'Time-stamp now', 'stamped')
  await becomes(wide, 'Time-stamp', 'done')
  await page.getByText('10 of 10 steps are done').waitFor()
  await wide.checkBoth('first-start-ready')
  // A second try of its own services needs the setting, as everywhere.
  await step.getByRole('button', { name: 'Send' }).click()
  await step.getByRole('alert').getByText('Nobody may try services').waitFor()
  await step
    .getByRole('link', { name: /^Record/ })
    .first()
    .click()
  await page.getByRole('heading', { name: 'Exchange' }).waitFor()
  await wide.answered()
  await page.getByText('first-start').first().waitFor()
  await wide.check('first-start-exchange')
  await wide.open('/')
  t.equal(await page.getByRole('link', { name: 'Go on with the first start' }).count(), 0, 'it is over')
  await countAgain(t, wide)
}
