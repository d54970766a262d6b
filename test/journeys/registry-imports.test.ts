/**
 * Two people import running instances into their registry: one that answers, and one of X-Road's own central
 * server, from its files.
 */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { buildConsoles } from '#console/build.ts'
import { hasChromium, leaveDialog, outcomeOf, type Visitor } from '../browser.ts'
import { unknownProfile } from '../certificate-profiles.ts'
import { startOpenIdProvider } from '../fakes/openid-provider.ts'
import { authority } from '../fakes/request-world.ts'
import { type RunningInstance, startRunningInstance } from '../fakes/running-instance.ts'
import { skipFor } from '../outside-tools.ts'
import { hasPostgresql, postgresql } from '../postgresql.ts'
import { act, close, installed } from '../second-person.ts'

const NARROW = { viewport: { width: 320, height: 640 } }
const VECTORS = new URL('../vectors/x-road/configuration/', import.meta.url)
const issuer = hasChromium() ? await startOpenIdProvider(t) : ''
if (hasChromium()) await buildConsoles()

/** The exact files that X-Road 7's central server published. */
function xroadFiles(): RunningInstance {
  const read = (name: string): Buffer => readFileSync(new URL(name, VECTORS))
  const folder = 'V6/20251110170000548026000'
  return {
    anchor: read('configuration_anchor_CS_internal.xml'),
    directory: read('V6/internalconf'),
    sharedParameters: read(`${folder}/shared-params.xml`),
    privateParameters: read(`${folder}/private-params.xml`),
  }
}

/** Fills the files into the open dialog; `after` is the text that it shows then. */
async function give(
  { page }: Visitor,
  files: Partial<Record<keyof RunningInstance, Buffer>>,
  after: string,
): Promise<void> {
  const dialog = page.getByRole('dialog')
  const labels = {
    anchor: 'Anchor',
    directory: 'Directory',
    sharedParameters: 'Shared parameters',
    privateParameters: 'Private parameters',
  }
  for (const [name, buffer] of Object.entries(files)) {
    const field = dialog.getByLabel(labels[name as keyof RunningInstance])
    await field.setInputFiles({ name: `${name}.xml`, mimeType: 'text/xml', buffer })
  }
  await dialog.getByRole('button', { name: 'Read an instance' }).click()
  await outcomeOf(page).getByText(after).first().waitFor()
}

/** Letters are shown decoded; a slash within a code stays a code, since decoded it would part the id. */
async function seeCodes(t: Test, { page, load }: Visitor): Promise<void> {
  const findings = '**/imports/1/findings?*'
  const what = 'DEV/GOV/1/%C3%A4%2Fb%253A%3a'
  await page.route(findings, (route) =>
    route.fulfill({
      json: [{ id: 1, part: 'subsystems', what, why: '' }],
      headers: { 'x-total-count': '1' },
    }),
  )
  await load('/imports/1')
  await page.getByRole('cell', { name: 'DEV/GOV/1/ä%2Fb%253A%3a', exact: true }).waitFor()
  t.equal(await page.locator('main tbody tr').count(), 1)
  await page.unroute(findings)
  await load('/imports/1')
}

void t.test('a running instance is taken in by two persons, from its files', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const { world, node, anna, ben, windowOf, people } = await installed(t, issuer)
  const hostile = ['<img src=x onerror=alert(1)>', 'W'.repeat(255)]
  const files = await startRunningInstance(t, world.clock.now, hostile, 'org.example.Own')
  const dialog = anna.page.getByRole('dialog')
  const read = (given: Partial<RunningInstance>, after: string) => give(anna, given, after)
  await anna.open('/imports')
  await anna.page.getByText('No instance was read yet.').waitFor()
  await anna.check('imports-empty')
  await anna.page.getByRole('button', { name: 'Read an instance' }).click()
  await read({}, 'Choose a file: Anchor.')
  await read({ anchor: Buffer.from([0xff]) }, 'anchor.xml is no text in UTF-8.')
  await read({ anchor: Buffer.alloc(1_048_577) }, 'anchor.xml is too large')
  await read({ anchor: Buffer.from('<no/>') }, 'The configuration anchor is malformed')
  await anna.check('import-wrong')
  const changed = Buffer.concat([files.sharedParameters, Buffer.from(' ')])
  await read({ ...files, sharedParameters: changed }, 'The configuration that was handed in is not accepted')
  t.same(await node.must('GET', '/imports'), [], 'what is not verified is not kept')
  await read(files, 'It was read and verified.')
  await close(anna)
  await anna.page.getByRole('heading', { name: 'DEV, import 1', level: 1 }).waitFor()
  await anna.settled()
  const readBy = anna.page.getByText(/^Person anna \([0-9a-f]{8}…\)$/)
  await readBy.waitFor()
  t.match(await readBy.getAttribute('title'), /^Person anna \(person [0-9a-f-]{36}\)$/, 'the whole id')
  await anna.check('import')
  await seeCodes(t, anna)
  const rows = anna.page.locator('main tbody tr')
  await anna.page.getByRole('combobox', { name: 'Part' }).selectOption('differs')
  await anna.page.getByRole('cell', { name: /nobody here knows org\.example\.Own/ }).waitFor()
  await anna.page.getByRole('combobox', { name: 'Part' }).selectOption('members')
  await anna.page.getByRole('cell', { name: hostile[0]! }).waitFor()
  await anna.page.getByRole('searchbox').fill('dev:gov:named1')
  await anna.page.waitForURL(/q=/)
  await anna.settled()
  t.equal(await rows.count(), 1, 'found by id as people write it')
  await anna.check('import-found')
  await anna.page.getByText('Show the element').click()
  await anna.look('import-announcement')
  await act(anna, 'Ask the servers for certificates', {}, 'Ask the servers for certificates', '1 server')
  await anna.check('import-collected')
  await close(anna)
  await anna.page.getByRole('button', { name: 'Give a certificate' }).click()
  const other = { name: 'other.der', mimeType: 'application/octet-stream', buffer: authority.root.der }
  await dialog.getByLabel('Certificate file').setInputFiles(other)
  await dialog.getByRole('button', { name: 'Give a certificate' }).click()
  await dialog.getByText('no security server of the configuration has').waitFor()
  await leaveDialog(anna.page)
  const saved = anna.page.waitForEvent('download')
  await act(anna, 'Save the report', {}, 'Save the report', 'Your browser saves import-1.json')
  t.equal((await saved).suggestedFilename(), 'import-1.json')
  await close(anna)
  const phone = await windowOf(people.ben, NARROW)
  await phone.open('/imports/1')
  await phone.check('import-narrow', 'layout')
  await phone.page.clock.setFixedTime(Date.now() + 8 * 86_400_000)
  await phone.open('/imports/1')
  await phone.page.getByText('What was read is more than a week old').waitFor()
  t.equal(await phone.page.getByRole('button', { name: 'Carry out' }).count(), 0)
  await phone.check('import-too-old')

  await anna.page.getByRole('button', { name: 'Carry out' }).click()
  await dialog.getByText('2 authentication certificates are missing').waitFor()
  await anna.check('import-carry-out')
  await leaveDialog(anna.page)
  await act(anna, 'Carry out', { Reason: 'the move' }, 'Propose', 'it waits for a second administrator')
  await close(anna)
  t.equal((await node.call('GET', '/members/DEV:GOV:named0')).status, 404)
  await anna.page.getByText('Person anna has proposed to carry it out').waitFor()
  await anna.check('import-proposed')
  await ben.open('/')
  await ben.check('overview-import')
  await ben.page.getByRole('link', { name: /1 import is not carried out.*second person: 1/ }).click()
  await ben.page.getByRole('link', { name: 'DEV, import 1' }).click()
  await ben.page.getByRole('link', { name: /Person anna has proposed/ }).click()
  await ben.page.getByText('the same as when it was proposed').waitFor()
  await ben.check('proposal-of-import')
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  t.match(await node.must('GET', '/members/DEV:GOV:named0'), { name: hostile[0] })
  await ben.open('/imports/1')
  await ben.page.getByRole('heading', { name: 'What it took' }).waitFor()
  t.equal(await ben.page.getByRole('button', { name: 'Discard' }).count(), 0, 'it is kept')
  await ben.check('import-carried-out')
  await unknownProfile(t, anna, ben, 'org.example.Own')

  await anna.open('/imports')
  await anna.page.getByRole('button', { name: 'Read an instance' }).click()
  await read({ anchor: files.anchor }, 'It was read and verified.')
  await close(anna)
  await anna.page.getByRole('heading', { name: 'DEV, import 2', level: 1 }).waitFor()
  await act(anna, 'Discard', {}, 'Discard', 'It was forgotten.')
  await close(anna)
  await anna.page.getByRole('link', { name: 'DEV, import 1' }).waitFor()
  await anna.check('imports')
  await phone.open('/imports')
  await phone.check('imports-narrow', 'layout')
})

void t.test("X-Road's own central server, from its files, is taken in by two persons", async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const database = hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const { node, anna, ben } = await installed(t, issuer, undefined, database)
  const { page } = anna
  const files = xroadFiles()
  const readAgain = async (title: string): Promise<void> => {
    await anna.open('/imports')
    await page.getByRole('button', { name: 'Read an instance' }).click()
    await give(anna, files, 'It was read and verified.')
    await close(anna)
    await page.getByRole('heading', { name: title, level: 1 }).waitFor()
    await anna.settled()
  }
  const partOf = async (who: Visitor, part: string): Promise<string[]> => {
    await who.page.getByRole('combobox', { name: 'Part' }).selectOption(part)
    await who.page.waitForURL(new RegExp(`part=${part}`))
    await who.settled()
    return who.page.locator('main tbody tr').allTextContents()
  }
  const carryOut = async (): Promise<void> => {
    const fields = { Reason: 'the move of 1 December' }
    await act(anna, 'Carry out', fields, 'Propose', 'it waits for a second administrator')
    await close(anna)
  }
  /** Ben finds the proposal by himself and reads it. */
  const decide = async (unchanged: string, after: string): Promise<void> => {
    await ben.open('/')
    await ben.page.getByRole('link', { name: '1 proposal waits for your decision.' }).click()
    await ben.page.getByRole('link', { name: 'Carry out an import' }).first().click()
    await ben.page.getByText(unchanged).waitFor()
    await act(ben, 'Approve', {}, 'Approve', after)
    await close(ben)
  }

  await readAgain('DEV, import 1')
  await anna.check('vectors-dry-run')
  t.equal((await node.call('GET', '/members/DEV:COM:1234')).status, 404, 'a dry run changes nothing')
  t.match((await partOf(anna, 'notTaken')).join('\n'), /ACME|acme/)
  await anna.check('vectors-not-taken')
  t.match((await partOf(anna, 'missingCertificates')).sort(), [/DEV\/COM\/1234\/SS0/, /DEV\/COM\/4321\/SS1/])
  t.match((await partOf(anna, 'differs')).join('\n'), /member DEV\/GOV\/1234/, 'what is only here')
  t.match((await partOf(anna, 'members')).sort(), [/DEV\/COM\/1234.*Test member/, /DEV\/COM\/4321/])
  await carryOut()

  // Two people agree to the exact content: a change in between makes it a different one.
  await node.must('POST', '/member-classes', { code: 'COM', description: 'Commercial' })
  await decide('approval will be refused', 'it could not be carried out')
  await ben.page.getByRole('heading', { name: 'Why it failed' }).waitFor()
  await ben.check('vectors-changed-since')
  t.equal((await node.call('GET', '/members/DEV:COM:1234')).status, 404, 'nothing of it was taken')

  await readAgain('DEV, import 2')
  await carryOut()
  await decide('the same as when it was proposed', 'Approved, and carried out.')
  await ben.open('/imports/2')
  await ben.page.getByRole('heading', { name: 'What it took' }).waitFor()
  await ben.check('vectors-carried-out')
  t.match((await partOf(ben, 'notTaken')).join('\n'), /ACME|acme/, 'what was not taken is kept')
  await ben.page.setViewportSize(NARROW.viewport)
  await ben.check('vectors-carried-out-narrow', 'layout')
  await ben.page.setViewportSize({ width: 1280, height: 800 })
  for (const [address, words] of [
    ['/members/DEV:COM:1234', 'Test member'],
    ['/security-servers/DEV:COM:4321:SS1', 'DEV:COM:4321'],
    ['/trust-services', 'Test CA'],
  ] as const) {
    await ben.open(address)
    await ben.page.getByText(words).first().waitFor()
  }
  await ben.open('/')
  await ben.page.getByText('no valid authentication certificate').first().waitFor()
  await ben.check('vectors-overview')
  const calm = ben.page.getByText('No authentication certificate ends')
  t.equal(await calm.count(), 0, 'nothing calm is said beside it')
  t.match(await node.must('GET', '/members/DEV:GOV:1234'), {}, 'what was here stays')

  await readAgain('DEV, import 3')
  for (const part of ['members', 'subsystems', 'servers', 'services'])
    t.match((await partOf(anna, part)).join(), /^$|Nothing fits/, `${part}: a second time takes nothing`)
})
