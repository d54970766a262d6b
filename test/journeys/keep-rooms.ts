/**
 * A service administrator keeps rooms of events in the console: types, who subscribes to them, what stands in
 * the way of a subscription, and what each decision does to the subscriber.
 */
import type { Test } from 'tap'
import { leaveDialog, outcomeOf, type Visitor } from '../browser.ts'
import { tabThrough } from '../keyboard.ts'
import { act, close } from '../second-person.ts'
import { until } from '../until.ts'
import { colons, type World } from '../world.ts'
import { type Asked, seeEmptyOnPhone, type Windows } from './operate-windows.ts'

const ADMINISTRATOR = ['XROAD_SERVICE_ADMINISTRATOR']
const HOSTILE = '<img src=x onerror=alert(1)>'
const MOVED = 'org.example.moved'
const BORN = 'org.example.born'
type Listed = { items: { state: string; error: string | null }[] }

export async function keepRooms(t: Test, { world, at, browser }: Asked): Promise<void> {
  const without = await at(t, browser, ADMINISTRATOR, {}, 'tax')
  await seeNothing(without)
  const wide = await at(t, browser, [...ADMINISTRATOR, 'XROAD_AUDITOR'], {}, 'population')
  const windows = { wide, world }
  await addType(t, windows)
  await subscribe(world)
  await seeSubscriptions(t, windows)
  await stopAndResume(t, windows)
  await loseTheRight(t, windows)
  await closeAndDelete(t, windows)
  await pageThrough(t, windows)
  const auditor = await at(t, browser, ['XROAD_AUDITOR'], {}, 'population')
  await auditor.open('/rooms')
  await auditor.page.getByText('Your roles do not include this page').waitFor()
}

async function seeNothing(visitor: Visitor): Promise<void> {
  await visitor.open('/rooms')
  await visitor.page.getByText('This server has no room yet').waitFor()
  await visitor.check('rooms-none')
  await visitor.open('/rooms/subscriptions')
  await visitor.page.getByText('Nobody subscribes yet').waitFor()
  await visitor.check('subscriptions-none')
}

async function addType(t: Test, windows: Windows): Promise<void> {
  const { wide } = windows
  const { page } = wide
  await wide.open('/rooms')
  await page.getByRole('link', { name: MOVED }).waitFor()
  await wide.checkBoth('rooms')
  await tabThrough(t, page, 'rooms')
  await seeEmptyOnPhone(t, windows, 'rooms')
  await page.getByLabel('Part of the name').fill('no such type')
  await page.keyboard.press('Enter')
  await page.getByText('Nothing fits this search').waitFor()
  await page.getByRole('button', { name: 'Add an event type' }).click()
  const dialog = page.getByRole('dialog')
  const send = () => dialog.getByRole('button', { name: 'Add an event type' }).click()
  await dialog.getByLabel('Event type').fill('<born>')
  await dialog.getByLabel('Days that events are kept').fill('0')
  await send()
  await page.getByRole('alert').getByText('Letters, digits').waitFor()
  await page.getByRole('alert').getByText('from 1 to 3,650').waitFor()
  await wide.check('rooms-add')
  await dialog.getByLabel('Event type').fill(BORN)
  await dialog.getByLabel('Days that events are kept').fill('7')
  const schema = dialog.getByLabel('JSON Schema of the data')
  await schema.setInputFiles(fileOf('type: object'))
  await send()
  await page.getByRole('alert').getByText('not JSON').waitFor()
  const properties = { born: { type: 'string', description: 'The day of birth' } }
  await schema.setInputFiles(fileOf(JSON.stringify({ type: 'object', title: HOSTILE, properties })))
  await send()
  await outcomeOf(page).getByText(`${BORN} was added to`).waitFor()
  await close(wide)
  await page.getByRole('heading', { name: BORN, level: 1 }).waitFor()
  const property = page.locator('main tr', { hasText: 'The day of birth' })
  t.match(await property.textContent(), /born.*text.*No/, 'what an event has is a list')
  t.notOk(await page.getByText(HOSTILE).isVisible(), 'the notation of programs is folded')
  await page.getByText('Show the schema').click()
  await page.getByText(HOSTILE).waitFor()
  await wide.checkBoth('event-type')
  await act(wide, 'Change days', { 'Days that events are kept': '9' }, 'Change days', 'are kept 9 days')
  await close(wide)
  await page.getByText('9 days', { exact: true }).waitFor()
}

function fileOf(document: string) {
  return { name: 'born.json', mimeType: 'application/json', buffer: Buffer.from(document) }
}

/** The tax agency gets one type in its inbox, and fetches the other. */
async function subscribe(world: World): Promise<void> {
  const pull = { delivery: 'PULL', options: { filters: [{ prefix: { subject: HOSTILE } }] } }
  const push = { delivery: 'PUSH', options: { inbox: `${world.servers.tax.client}/moves` } }
  for (const [type, body] of Object.entries({ [MOVED]: push, [BORN]: pull })) {
    const { status, text } = await asTax(world, 'POST', `/api/v1/subs/${type}`, body)
    if (status !== 201) throw new Error(`${type}: ${status} ${text}`)
  }
  for (const name of ['one', 'two']) await publish(world, BORN, name)
}

async function asTax({ servers, ask }: World, method: string, path: string, body?: object) {
  const reply = await ask('tax', `/r1/${servers.population.client}/register-events${path}`, {
    method,
    headers: { 'X-Road-Client': servers.tax.client, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  return { status: reply.status, text: reply.body.toString() }
}

async function publish({ servers, ask }: World, type: string, id: string): Promise<number> {
  const at = `/rooms/v1/${servers.population.client}/register-events/pub/v1/${type}`
  const event = { specversion: '1.0', source: '/register', id, type, subject: `${HOSTILE} ${id}` }
  const { status } = await ask('population', at, {
    method: 'POST',
    headers: { 'X-Road-Client': servers.population.client, 'Content-Type': 'application/cloudevents+json' },
    body: JSON.stringify({ ...event, data: { to: 'Midvale' } }),
  })
  return status
}

async function seeSubscriptions(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const tax = colons(world.servers.tax.client)
  await wide.open('/rooms')
  await page.getByRole('link', { name: 'Subscriptions', exact: true }).click()
  await page.getByText('Its system fetches').waitFor()
  await page.locator('tbody .folded > button').first().waitFor()
  await page.getByText('What was asked for').first().click()
  await page.getByText(HOSTILE).waitFor()
  t.equal(await page.getByRole('cell', { name: '2', exact: true }).count(), 1, 'two events behind')
  await wide.checkBoth('subscriptions')
  await tabThrough(t, page, 'subscriptions')
  await seeEmptyOnPhone(t, windows, 'subscriptions')
  await page.getByLabel('Subscriber or inbox').fill(`${tax}:moves`)
  await page.keyboard.press('Enter')
  await page.waitForURL(/search=/)
  await wide.answered()
  t.equal(await page.locator('tbody tr').count(), 1, 'found by its inbox')
  await page.getByLabel('State').selectOption('lapsed')
  await page.getByText('Nothing fits this search').waitFor()
  await wide.open('/rooms/subscriptions')
  await page.getByText('What was asked for').first().click()
  await page
    .getByRole('link', { name: /^Record/ })
    .first()
    .click()
  await page.getByText('register-events').first().waitFor()
}

// Runs in the page: its list is asked for anew, and its one row is not in it.
const ROW_GOES = `history.replaceState(null, '', '?state=ended')
dispatchEvent(new PopStateEvent('popstate'))`

async function stopAndResume(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  await wide.open('/rooms/subscriptions')
  await page.getByRole('link', { name: BORN }).click()
  await page.getByRole('heading', { name: BORN, level: 1 }).waitFor()
  await page.getByRole('button', { name: /^Stop/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
  await page.getByRole('alert').getByText('Reason').waitFor()
  await wide.check('subscription-stop')
  await leaveDialog(page)
  await act(wide, /^Stop/, { Reason: 'its system asks all the time' }, 'Stop', 'It is stopped')
  await close(wide)
  await page.getByText('until somebody here resumes it').waitFor()
  await wide.checkBoth('subscription-stopped')
  t.match((await asTax(world, 'GET', `/pull/v1/${BORN}`)).text, /subscription_halted/, 'nothing to fetch')
  const [kept] = await world.admin.population.get<object[]>('/audit-log?limit=1&q=suspendSubscription')
  t.match(JSON.stringify(kept), /its system asks all the time/, 'who, and why')
  await act(wide, /^Resume/, {}, 'Resume', 'It goes on')
  await close(wide)
  await page.getByRole('button', { name: /^Stop/ }).click()
  await page.evaluate(ROW_GOES)
  await page.getByText('Nothing fits this search').waitFor()
  t.ok(await page.getByRole('dialog').isVisible(), 'a row that goes leaves its open dialog')
  await leaveDialog(page)
  const { status, text } = await asTax(world, 'GET', `/pull/v1/${BORN}`)
  t.equal(status, 200)
  t.match(text, /"id":"one"/, 'it goes on from where it stood')
}

/**
 * A right that is taken away suspends the subscription, which the overview says; given again, an operator
 * need not wait.
 */
async function loseTheRight(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const { admin, servers } = world
  const descriptions = await admin.population.get<
    { services: { id: number; serviceCode: string; accessRights: { id: number }[] }[] }[]
  >(`/clients/${colons(servers.population.client)}/service-descriptions`)
  const room = descriptions
    .flatMap(({ services }) => services)
    .find(({ serviceCode }) => serviceCode === 'register-events')!
  await admin.population.send('DELETE', `/services/${room.id}/access-rights/${room.accessRights[0]!.id}`)
  t.equal(await publish(world, MOVED, 'three'), 201)
  const reached = (state: string) =>
    until(`the subscription is ${state}`, async (saw) => {
      const { items } = await admin.population.get<Listed>('/subscriptions?search=moves')
      return saw(items[0]?.state) === state
    })
  await reached('suspended')
  await wide.open('/')
  await page.getByRole('link', { name: '1 subscription to our events is given nothing now' }).waitFor()
  await wide.check('subscriptions-overview')
  await page.getByRole('link', { name: '1 subscription to our events is given nothing now' }).click()
  await page.getByText('no longer let it subscribe').waitFor()
  await wide.checkBoth('subscription-suspended')
  await admin.population.send('POST', `/services/${room.id}/access-rights`, {
    ...{ subjectType: 'SUBSYSTEM', subjectId: colons(servers.tax.client) },
  })
  await act(wide, /^Try now/, {}, 'Try now', 'It goes on')
  await close(wide)
  await until('the event is given', async (saw) => {
    const { text } = await asTax(world, 'GET', `/api/v1/subs/${MOVED}`)
    const { state, given } = JSON.parse(text) as { state: string; given: string | null }
    return saw({ state, given }).given !== null
  })
  await reached('active')
}

async function closeAndDelete(t: Test, windows: Windows): Promise<void> {
  const { wide, world } = windows
  const { page } = wide
  const tax = colons(world.servers.tax.client)
  await wide.open(`/rooms?search=${BORN}`)
  await page.getByRole('link', { name: BORN }).click()
  await page.getByRole('heading', { name: BORN, level: 1 }).waitFor()
  await act(wide, 'Close', {}, 'Close', 'It is closed')
  await close(wide)
  await act(wide, 'Open again', {}, 'Open again', 'It takes events again')
  await close(wide)
  await act(wide, 'Close', {}, 'Close', 'It is closed')
  await close(wide)
  await page.getByText('once its subscriptions have ended').waitFor()
  t.equal(await publish(world, BORN, 'late'), 409, 'publishers are refused')
  t.equal(await page.getByRole('button', { name: /^Delete/ }).count(), 0, 'somebody still subscribes')
  await page.getByRole('button', { name: /^End/ }).click()
  await page.getByLabel('Reason').fill('the register ends')
  await page.getByLabel('Name, to confirm').fill('another')
  await page.getByRole('dialog').getByRole('button', { name: 'End' }).click()
  await page.getByRole('alert').getByText('not the name that stands above').waitFor()
  await wide.check('subscription-end')
  await page.getByLabel('Name, to confirm').fill(tax)
  await page.getByRole('dialog').getByRole('button', { name: 'End' }).click()
  await page.getByText('It has ended').waitFor()
  await close(wide)
  await page.getByText('seen here for 30 days').waitFor()
  await wide.checkBoth('event-type-closed')
  t.equal(await page.getByRole('button', { name: /^(Stop|Resume|End)/ }).count(), 0, 'nothing to decide')
  await act(wide, 'Delete', { 'Name, to confirm': BORN }, 'Delete', 'It was deleted')
  await wide.check('event-type-deleted')
  await close(wide)
  await page.getByRole('heading', { name: 'Publish and subscribe', level: 1 }).waitFor()
  await wide.settled()
  t.equal(await page.getByRole('link', { name: BORN }).count(), 0)
}

/** With as many types that the second page has two. */
async function pageThrough(t: Test, { wide, world }: Windows): Promise<void> {
  const { page } = wide
  const roomId = `${colons(world.servers.population.client)}:register-events`
  for (let i = 1; i <= 26; i++)
    await world.admin.population.send('POST', '/event-types', { roomId, name: `org.example.type-${i}` })
  await wide.open('/')
  await wide.open('/rooms')
  await page.getByText('25, and there are more').first().waitFor()
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByRole('link', { name: 'org.example.type-26' }).waitFor()
  t.equal(await page.locator('.list.paged tbody tr').count(), 2, 'the rest')
  await page.getByRole('button', { name: 'First' }).click()
  await page.getByRole('link', { name: MOVED }).waitFor()
}
