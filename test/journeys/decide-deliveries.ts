/**
 * A service administrator sees one-way messages in the console: what waits and why, dead letters, and the
 * receipts that prove the rest.
 */
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { leaveDialog, type Visitor } from '../browser.ts'
import { startProviderSystem } from '../fakes/provider-system.ts'
import { tabThrough } from '../keyboard.ts'
import { act, close } from '../second-person.ts'
import { RECEIPT_MS, until } from '../until.ts'
import type { World } from '../world.ts'
import { type Asked, seeEmptyOnPhone } from './operate-windows.ts'

const OPERATOR = ['XROAD_SERVICE_ADMINISTRATOR', 'XROAD_AUDITOR']
const HOSTILE = '<img src=x onerror=alert(1)>'

/** The servers of `world` try a message once: `CONCORDAT_DELIVERIES_ATTEMPTS` is 1. */
export async function decideDeliveries(t: Test, { world, at, browser }: Asked): Promise<void> {
  const { tax, population } = world.servers
  const operator = await at(t, browser, OPERATOR)
  for (const [name, address] of Object.entries({ sent: '/deliveries', received: '/deliveries/received' })) {
    await operator.open(address)
    await operator.check(`deliveries-${name}-empty`)
  }
  const system = await startProviderSystem(world.address(41))
  t.teardown(() => system.close())
  system.answer((_call, response) => response.writeHead(422).end())
  await addRefusing(world, system.url)
  const hand = async (service: string, event: object): Promise<string> => {
    const reply = await world.ask('tax', `/deliveries/v1/${population.client}/${service}`, {
      method: 'POST',
      headers: { 'X-Road-Client': tax.client, 'Content-Type': 'application/cloudevents+json' },
      body: JSON.stringify({ specversion: '1.0', source: '/tax', id: randomUUID(), ...event }),
    })
    if (reply.status !== 202) throw new Error(`${service}: ${reply.status} ${reply.body.toString()}`)
    return (reply.json() as { id: string }).id
  }
  const state = async (name: 'tax' | 'population', box: string, delivery: string): Promise<string> => {
    const query = `/deliveries?box=${box}&delivery=${delivery}`
    const { items } = await world.admin[name].get<{ items: { state: string }[] }>(query)
    return items[0]?.state ?? 'not there'
  }
  const reached = (name: 'tax' | 'population', box: string, delivery: string, wanted: string) =>
    until(`${delivery} is ${wanted}`, async (saw) => saw(await state(name, box, delivery)) === wanted, {
      deadlineMs: RECEIPT_MS,
    })
  const dead = await hand('refusing', { type: HOSTILE })
  await reached('tax', 'outbox', dead, 'dead')
  const unread = await hand('assessments', { type: 'org.example.unread' })
  const taken = await hand('assessments', { type: 'org.example.taken' })
  await reached('population', 'inbox', taken, 'waiting')
  await letOneDie(world, unread)

  await operator.open('/')
  await operator.page.getByText('1 message of ours could not be delivered').waitFor()
  await operator.check('deliveries-overview')
  await operator.open('/deliveries')
  await operator.page.getByRole('cell', { name: /HTTP 422/ }).waitFor()
  await operator.checkBoth('deliveries')
  await tabThrough(t, operator.page, 'deliveries')
  await seeEmptyOnPhone(t, { wide: operator }, 'deliveries')
  await found(t, operator, taken)
  await decideSent(t, { operator, dead, system, reached })
  await decideReceived(t, { world, at, browser, unread })
  // Its receipt comes from the other server by a job.
  await reached('tax', 'outbox', taken, 'consumed')
  await operator.open('/deliveries?state=consumed')
  await operator.page.getByRole('link', { name: 'org.example.taken' }).click()
  await operator.page.getByText('taken over: the receiving system has it').waitFor()
  await operator.check('delivery-consumed')
  await operator.page.getByRole('link', { name: /^accepted: this server/ }).click()
  await operator.page.getByText('Delivery accepted').first().waitFor()
  const auditor = await at(t, browser, ['XROAD_AUDITOR'])
  await auditor.open('/deliveries')
  await auditor.page.getByText('Your roles do not include this page').waitFor()
}

/** A service that is no inbox, and refuses every message for what it is. */
async function addRefusing({ admin, servers }: World, url: string): Promise<void> {
  const { population, tax } = servers
  const at = `/clients/${population.client.replaceAll('/', ':')}/service-descriptions`
  const made = await admin.population.send<{ id: number; services: { id: number }[] }>('POST', at, {
    ...{ type: 'REST', serviceCode: 'refusing', url },
  })
  await admin.population.send('POST', `/services/${made.services[0]!.id}/access-rights`, {
    ...{ subjectType: 'SUBSYSTEM', subjectId: tax.client.replaceAll('/', ':') },
  })
  await admin.population.send('PUT', `/service-descriptions/${made.id}/enable`)
}

/** Its system takes over one event, and never says that it has the other. */
async function letOneDie(world: World, unread: string): Promise<void> {
  const { population } = world.servers
  const inbox = `/deliveries/v1/inbox/${population.client}/assessments`
  const headers = { 'X-Road-Client': population.client }
  const fetched = async (): Promise<{ id: string; delivery: string }[]> => {
    const { events } = (await world.ask('population', `${inbox}?lease=1`, { headers })).json() as {
      events: { id: string; delivery: string }[]
    }
    for (const { id, delivery } of events)
      if (delivery !== unread)
        await world.ask('population', `${inbox}/${id}/acknowledgement`, { method: 'POST', headers })
    return events
  }
  await fetched()
  await until('the event that nobody acknowledged is a dead letter', async (saw) => {
    await fetched()
    const { counts } = await world.admin.population.get<{ counts: { dead: number } }>('/deliveries?box=inbox')
    return saw(counts.dead) === 1
  })
}

async function found(t: Test, { page, open, answered }: Visitor, delivery: string): Promise<void> {
  await open('/deliveries')
  await page.getByLabel('Id of the delivery').fill(delivery)
  await page.keyboard.press('Enter')
  await page.waitForURL(/delivery=/)
  await answered()
  t.equal(await page.locator('tbody tr').count(), 1)
  await page.getByLabel('State').selectOption('dead')
  await page.getByText('Nothing fits this search').waitFor()
  await page.getByLabel('Id of the delivery').fill('')
  await page.keyboard.press('Enter')
  await page.getByLabel('Inbox').selectOption({ index: 1 })
  await page.waitForURL(/inboxId=/)
}

type Sent = {
  operator: Visitor
  dead: string
  system: { answer(behaviour: undefined): void }
  reached(name: 'tax', box: string, delivery: string, wanted: string): Promise<unknown>
}

async function decideSent(t: Test, { operator, dead, system, reached }: Sent): Promise<void> {
  const { page } = operator
  await operator.open(`/deliveries?delivery=${dead}`)
  await page.getByRole('link', { name: HOSTILE, exact: true }).click()
  await page.getByText('Nobody tries this message any more').waitFor()
  await operator.checkBoth('delivery-dead')
  await page.getByRole('button', { name: /^Discard/ }).click()
  await operator.check('delivery-discard')
  await page.getByLabel('Reason').fill('sent by mistake')
  await page.getByLabel('Name, to confirm').fill('another')
  await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click()
  await page.getByRole('alert').getByText('not the name that stands above').waitFor()
  await leaveDialog(page)
  await act(operator, /^Try again/, {}, 'Try again', '1 message waits again')
  await close(operator)
  await reached('tax', 'outbox', dead, 'dead')
  system.answer(undefined)
  await operator.open('/deliveries')
  await act(operator, 'Try all dead letters again', {}, 'Try all dead letters again', '1 message waits again')
  await close(operator)
  await reached('tax', 'outbox', dead, 'done')
  t.pass('sent again once its receiver took it')
}

async function decideReceived(t: Test, q: Asked & { unread: string }): Promise<void> {
  const keeper = await q.at(t, q.browser, OPERATOR, {}, 'population')
  const { page } = keeper
  await keeper.open('/')
  await page.getByRole('link', { name: /was not taken over by our system/ }).click()
  await page.getByRole('link', { name: 'org.example.unread' }).click()
  await page.getByText('never said that it has it').first().waitFor()
  await keeper.check('delivery-received-dead')
  await act(
    keeper,
    /^Discard/,
    { Reason: 'the case is closed', 'Name, to confirm': 'org.example.unread' },
    'Discard',
    'The message was discarded',
  )
  await keeper.check('delivery-discarded')
  await close(keeper)
  await page.getByText('discarded: the receipt says why and by whom').waitFor()
  const [kept] = await q.world.admin.population.get<{ reason: string; operation: string }[]>(
    '/audit-log?limit=1&q=discardDeliveries',
  )
  t.match(JSON.stringify(kept), /the case is closed/, 'who, and why')
}
