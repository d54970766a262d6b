/**
 * Two administrators of a security server change a retention class, an anchor and what people are told, where
 * that takes two people.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AdminWorld } from '#test/management-api/admin-fixture.ts'
import { leaveDialog, type Visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'
import { pick } from './pick.ts'

const ROLES = ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_SECURITY_OFFICER']
const CLIENT = 'DEV:GOV:1000:population'
const SERVICE = `${CLIENT}:persons`

const ANCHOR = `<?xml version="1.0" encoding="UTF-8"?>
<x:configurationAnchor xmlns:x="http://x-road.eu/xsd/xroad.xsd">
<generatedAt>2026-03-01T00:00:00Z</generatedAt><instanceIdentifier>DEV</instanceIdentifier>
<source><downloadURL>http://registry.example/internalconf</downloadURL></source>
</x:configurationAnchor>`
const HASH = createHash('sha224')
  .update(ANCHOR)
  .digest('hex')
  .toUpperCase()
  .replace(/..(?!$)/g, '$&:')
/** A string, because it runs in the page of who is signed in there. */
const PROPOSE_ANCHOR = `(async () => {
  const { csrfToken } = await (await fetch('/api/v1/session')).json()
  const headers = { 'content-type': 'text/xml', 'x-csrf-token': csrfToken, 'x-reason': 'another%20registry' }
  const q = { method: 'PUT', headers, body: ${JSON.stringify(ANCHOR)} }
  const answer = await fetch('/api/v1/system/anchor?hash=${HASH}', q)
  await answer.text()
  return answer.status
})()`

export async function changeByTwo(
  windowOf: (subject: string, roles: string[]) => Promise<Visitor>,
  { ask }: Pick<AdminWorld, 'ask'>,
): Promise<void> {
  // Before there are two who decide about people.
  const tess = await windowOf('tess', ['XROAD_SERVICE_ADMINISTRATOR'])
  const [sara, sven] = [await windowOf('sara', ROLES), await windowOf('sven', ROLES)]
  await sara.open('/proposals')
  await sara.page.getByText('Nothing has been proposed yet.').waitFor()
  await sara.check('agency-proposals-empty')
  await sara.open('/retention')
  const made = { 'Retention class': 'short', Kept: '30', Reason: 'the decree of 1 March' }
  await act(sara, 'Make or change a class', made, 'Propose', 'it waits')
  await close(sara)
  await sara.open('/proposals?view=mine')
  await sara.page.getByRole('link', { name: 'Make or change a retention class' }).click()
  await sara.page.getByText('You proposed this. Another person decides').waitFor()
  await sara.check('agency-proposal-mine')

  await sara.open('/')
  await sara.page.getByText('1 proposal of yours waits for a second person.').waitFor()
  await sven.open('/')
  await sven.page.getByRole('link', { name: '1 proposal waits for you as the second person.' }).click()
  await sven.check('agency-proposals')
  await sven.page.getByRole('link', { name: 'Make or change a retention class' }).first().click()
  await sven.page.getByText('the decree of 1 March').first().waitFor()
  await sven.page.setViewportSize({ width: 360, height: 740 })
  await sven.check('agency-proposal-narrow')
  await sven.page.setViewportSize({ width: 1280, height: 800 })
  await act(sven, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(sven)
  await sven.check('agency-proposal-approved')
  await sven.open('/retention')
  await sven.page.getByRole('cell', { name: 'short' }).first().waitFor()

  // A file is shown to the second person as what it is: its digest, what it says of itself, its text, and to
  // download.
  if ((await sara.page.evaluate<number>(PROPOSE_ANCHOR)) !== 202)
    throw new Error('the anchor is not proposed')
  await sven.open('/proposals?view=waiting')
  await sven.page.getByRole('link', { name: 'Install a configuration anchor' }).first().click()
  await sven.page.getByRole('heading', { name: 'The file that would be taken over' }).waitFor()
  await sven.page.getByText('http://registry.example/internalconf').first().waitFor()
  await sven.page.getByText('Show its text').click()
  await sven.page.getByText('<generatedAt>').first().waitFor()
  await sven.check('agency-proposal-file')
  await sven.page.setViewportSize({ width: 360, height: 740 })
  await sven.check('agency-proposal-file-narrow', 'layout')
  await sven.page.setViewportSize({ width: 1280, height: 800 })
  const saved = sven.page.waitForEvent('download')
  await sven.page.getByRole('button', { name: 'Download the file' }).click()
  const text = readFileSync(await (await saved).path(), 'utf8')
  if (text !== ANCHOR) throw new Error(`other bytes: ${text}`)
  await tellOtherwise(sara, sven, ask)
  await seeSwitched(tess, ask)
}

/**
 * A subsystem tells people of a service in general terms alone, then in full again and in words of its own.
 */
async function tellOtherwise(sara: Visitor, sven: Visitor, ask: AdminWorld['ask']): Promise<void> {
  const service = { type: 'REST', serviceCode: 'persons', url: 'http://10.0.0.1/persons' }
  for (const [at, body] of Object.entries({
    '/clients': { id: CLIENT },
    [`/clients/${CLIENT}/service-descriptions`]: service,
  })) {
    const { status, raw } = await ask('POST', at, body)
    if (status !== 201) throw new Error(`${at}: ${status} ${raw.toString()}`)
  }
  const { page } = sara
  const dialog = page.getByRole('dialog')
  const send = () => dialog.getByRole('button', { name: 'Propose', exact: true }).click()
  await sara.open('/trackers')
  await page.getByRole('link', { name: `What is told of services: ${CLIENT}` }).click()
  await page.getByText('Nothing else is said').waitFor()
  await sara.checkBoth('told-services-none')
  await page.getByRole('button', { name: 'Say what is told' }).click()
  await dialog.getByLabel('Service').first().fill(CLIENT)
  await send()
  await dialog.getByRole('alert').getByText('This names no service').first().waitFor()
  // Of a service without a contract the registry knows who offers it.
  const shop = { id: 'DEV:COM:4000:shop', name: 'Shop' }
  const company = { id: 'DEV:COM:4000', name: 'Company', subsystems: [shop] }
  await page.route('**/api/v1/members?*', (route) => route.fulfill({ json: [company] }))
  await pick(page, 'Service', 'shop', `${shop.id}:`)
  await page.unroute('**/api/v1/members?*')
  await pick(page, 'Service', 'pers', SERVICE)
  await dialog.getByLabel('How it is told').selectOption('yes')
  await dialog.getByLabel('Reason').fill('a question about an estate')
  await send()
  await dialog.getByRole('alert').getByText('there have to be words').waitFor()
  await sara.checkBoth('told-services-say')
  await leaveDialog(page)
  const words = { Service: SERVICE, 'How it is told': 'yes', 'Words: English': 'A question about an estate' }
  await act(sara, 'Say what is told', { ...words, Reason: 'estates' }, 'Propose', 'it waits')
  await close(sara)
  await approveNewest(sven)
  await sara.load(`/trackers/${CLIENT}`)
  await page.getByRole('cell', { name: 'in general terms alone' }).waitFor()
  await page.getByText('A question about an estate').waitFor()
  await sara.checkBoth('told-services')
  const whole = { 'How it is told': 'no', 'Words: Estonian': 'Pärimisküsimus', Reason: 'the law changed' }
  await act(sara, `Change what is told of ${SERVICE}`, whole, 'Propose', 'it waits')
  await close(sara)
  await approveNewest(sven)
  const { raw } = await ask('GET', `/tracker-services?clientId=${CLIENT}`)
  const [rule] = JSON.parse(raw.toString()) as { isGeneral: boolean; words: object }[]
  const told = JSON.stringify(rule)
  if (rule?.isGeneral !== false || !/estate.*Pärimisküsimus/.test(told)) throw new Error(`told: ${told}`)
}

/**
 * The service by which people see who used their data is switched on its own page, and offers nothing that
 * the server would refuse.
 */
async function seeSwitched(tess: Visitor, ask: AdminWorld['ask']): Promise<void> {
  const { status, raw } = await ask('PUT', `/clients/${CLIENT}/tracker`, { soap: false })
  if (status !== 200) throw new Error(`tracker: ${status} ${raw.toString()}`)
  const { page } = tess
  const why = page.getByText('People see by this service who used their data.')
  const offers = async (words: RegExp): Promise<number> => page.getByRole('button', { name: words }).count()
  await tess.open(`/clients/${CLIENT}`)
  await page.getByText('this server itself').first().waitFor()
  await page.getByRole('link', { name: 'findUsage', exact: true }).click()
  await why.waitFor()
  await tess.checkBoth('description-switched')
  if ((await offers(/^(Switch off|Delete)/)) > 0) throw new Error('acts of a description that is switched')
  await page.getByRole('link', { name: 'findUsage', exact: true }).click()
  await why.waitFor()
  await page.getByRole('link', { name: 'Give a right' }).waitFor()
  await tess.checkBoth('service-switched')
  if ((await offers(/^Change settings/)) > 0) throw new Error('settings of a service that is switched')
}

async function approveNewest(second: Visitor): Promise<void> {
  await second.open('/proposals?view=waiting')
  await second.page.getByRole('link', { name: 'Say what people are told of a service' }).first().click()
  await act(second, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(second)
}
