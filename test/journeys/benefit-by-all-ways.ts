/**
 * Three more births in the sandbox, whose parents do not come by web: one stands at a counter, whose clerk
 * acts under their mandate; two get a letter, of whom one answers at home without a login and one brings it
 * to the counter. Each way is counted, and stands in the signed messages of who decides.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { people } from '#scripts/sandbox/agencies/people.ts'
import { BORN_EVENT } from '#scripts/sandbox/family-benefit-rule.ts'
import { CLERK, citizen } from '#scripts/sandbox/portal.ts'
import { openBrowser, type Visitor, visitor } from '../browser.ts'
import { concordatProgram } from '../concordat-program.ts'
import { openBrowser as openClient } from '../fakes/openid-provider.ts'
import { enter, tabTo, write } from '../keyboard.ts'
import { until } from '../until.ts'
import { colons, type World } from '../world.ts'
import { giveHelp, send, signIn } from './act-for-others.ts'
import { ASKING } from './complain-in-sandbox.ts'

type Person = { subject: string; name: string; password: string; code: string }
type Letter = { code: string; text: string }

const DESK = { width: 1280, height: 800 }
const PHONE = { width: 360, height: 740 }
const MANDATE = /^[0-9a-f-]{36}$/
/** By their numbers among the people of the sandbox. */
const [AT_HOME, WITH_LETTER] = [numbered(43), numbered(44)]
type Named = ReturnType<typeof numbered>

export async function benefitByAllWays(t: Test, world: World): Promise<void> {
  const { portal, counter, login } = world
  const all = JSON.parse(readFileSync(login.peopleFile, 'utf8')) as { people: Person[] }
  const person = (subject: string): Person => all.people.find((one) => one.subject === subject)!
  const before = await counted(world)
  const parents = [citizen(), AT_HOME, WITH_LETTER]
  for (const [at, { code }] of parents.entries()) await beBorn(t, world, `P0000010${at}`, code)
  await until(
    'three offers',
    async (saw) => saw((await counted(world))('offered', 'event') - before('offered', 'event')) === 3,
    ASKING,
  )

  const clerk = await visitor(t, await openBrowser(), {
    base: counter!.url,
    context: { viewport: DESK },
    hosts: [new URL(login.issuer).host],
  })
  await comeIn(clerk, person(CLERK.subject))
  await t.test('at a counter, for the person at the desk', async (t) => {
    const own = openClient(t)
    await signIn(own, portal!.url, person('citizen'))
    await giveHelp(t, own, portal!.url, CLERK)
    const { page } = clerk
    await clerk.load('/mandates/for')
    await enter(page, page.getByRole('button', { name: citizen().name }))
    await page.getByText('You act for').waitFor()
    await enter(page, page.locator('.menu a[href="/services"]'))
    await enter(page, page.getByRole('link', { name: 'Look and decide' }).first())
    await apply(clerk, 'counter')
    t.match(await page.locator('main').textContent(), /at a counter/)
    const [, id = ''] =
      /name="id" value="([^"]+)"/.exec((await own.visit(`${portal!.url}/mandates`)).text) ?? []
    await send(own, portal!.url, '/mandates/end', { id, other: CLERK.code, act: 'withdraw' })
  })

  const letters = printLetters(t, world)
  await t.test('by a letter that is answered at home', async (t) => {
    const { code, text } = letters(AT_HOME)
    t.match(text, `${portal!.url}/letter`, 'the letter says where')
    const stranger = await visitor(t, await openBrowser(), {
      ...{ base: portal!.url, context: { viewport: PHONE } },
    })
    const { page } = stranger
    await stranger.load('/')
    await enter(page, page.locator('main a[href^="/letter"]'))
    await giveIn(page, code, WITH_LETTER.code)
    await page.getByRole('alert').waitFor()
    await giveIn(page, code, AT_HOME.code)
    await apply(stranger, 'letter')
    t.notMatch(await page.locator('main').textContent(), AT_HOME.familyName, 'nobody signed in')
    t.equal((await page.context().cookies()).length, 0)
  })
  await t.test('by a letter that is brought to the counter', async (t) => {
    const { page } = clerk
    await clerk.load('/letter')
    await giveIn(page, letters(AT_HOME).code)
    await page.getByRole('alert').waitFor()
    t.ok(page.url().endsWith('/letter'), 'a letter that was answered opens nothing')
    await giveIn(page, letters(WITH_LETTER).code)
    await apply(clerk, 'letter-at-counter')
  })
  await t.test('the way is counted, and stands in the evidence', async (t) => {
    const now = await counted(world)
    for (const [channel, many] of [
      ['counter', 1],
      ['letter', 2],
    ] as const)
      t.equal(now('submitted', channel) - before('submitted', channel), many, channel)
    t.notMatch(now.text, /P000000\d\d/, 'nobody is')
    await seeEvidence(t, world, person(CLERK.subject))
  })
}

function numbered(number: number) {
  return [...people(number)].at(-1)!
}

/** The population register says so to all who subscribed. */
async function beBorn(t: Test, world: World, child: string, parent: string): Promise<void> {
  const subject = `birth-${child}-${parent}`
  const event = {
    ...{ specversion: '1.0', id: subject, source: '/register/births', type: BORN_EVENT, subject },
    ...{ datacontenttype: 'application/json', data: { child, parents: [parent] } },
  }
  const { client } = world.servers.population
  const said = await world.ask('population', `/rooms/v1/${client}/register-events/pub/v1/${BORN_EVENT}`, {
    ...{ method: 'POST', body: JSON.stringify(event) },
    headers: { 'X-Road-Client': client, 'Content-Type': 'application/cloudevents+json' },
  })
  t.ok(said.status < 300, `${said.status} ${said.body.toString()}`)
}

/** As operators do once a day. Returns each person's letter. */
function printLetters(t: Test, { directory }: World): (of: Named) => Letter {
  const folder = path.join(t.testdir({}), 'letters')
  const settings = path.join(directory, 'benefits.yaml')
  const { status, stdout, stderr } = spawnSync(
    concordatProgram(),
    ['life-events', 'letters', '--configuration', settings, '--output', folder],
    { encoding: 'utf8' },
  )
  t.equal(status, 0, stderr)
  t.match(stdout, /Letters written to .*: [2-9]\./)
  const written = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'))
  return ({ givenName, familyName }) => {
    const text = written.find((one) => one.includes(`${givenName} ${familyName}`)) ?? ''
    const [, code = ''] = /class="code">([^<]+)</.exec(text) ?? []
    return { code, text }
  }
}

async function comeIn({ page, load }: Visitor, { subject, password }: Person): Promise<void> {
  await load('/')
  await enter(page, page.locator('main a[href^="/login"]').first())
  await write(page, page.getByLabel('Name'), subject)
  await write(page, page.getByLabel('Password'), password)
  await page.keyboard.press('Enter')
  await page.locator('form[action="/logout"] button').waitFor()
}

/** At home the person's own code is asked besides. */
async function giveIn(page: Page, code: string, person?: string): Promise<void> {
  await write(page, page.locator('#letter-code'), code)
  if (person !== undefined) await write(page, page.locator('#letter-person'), person)
  await page.keyboard.press('Enter')
}

/** From the offer to the number of the application. */
async function apply({ page, check }: Visitor, name: string): Promise<void> {
  await check(`benefit-offer-by-${name}`)
  await enter(page, page.getByRole('button', { name: 'I agree to all, fill the form' }))
  await page.getByRole('heading', { name: 'Your application' }).waitFor()
  await check(`benefit-form-by-${name}`)
  await write(page, page.getByLabel('Bank account'), 'EE1234567890')
  await tabTo(page, page.getByRole('button', { name: 'Send the application' }))
  await page.keyboard.press('Enter')
  await page.getByText('Number of the application: FB-').waitFor()
}

/** What the adapter counts of offers. */
async function counted({ systems }: World) {
  const text = await (await fetch(`http://${systems.address}:${systems.offersMonitoring}/metrics`)).text()
  const of = (what: string, channel: string): number => {
    const labels = new RegExp(
      `^concordat_life_offers_total\\{what="${what}",channel="${channel}"\\} (\\d+)`,
      'm',
    )
    return Number(labels.exec(text)?.[1] ?? 0)
  }
  return Object.assign(of, { text })
}

/** The log of who decides: each application says by which way it came, and its request who sent it. */
async function seeEvidence(t: Test, { admin, servers }: World, clerk: Person): Promise<void> {
  type Whole = { metadata: { extra: Record<string, string> } & Record<string, string> }
  const { health } = admin
  const list = async (filter: string): Promise<{ index: number }[]> =>
    health.get(`/message-log/records?kind=request&direction=in&${filter}`)
  const service = `serviceId=${colons(servers.health.client)}:applications`
  const why = new URLSearchParams({ case: 'test', reason: 'to see the way' })
  const file = path.join(t.testdir({}), 'request.asice')
  const sent = []
  for (const { index } of await list(`${service}&limit=3`)) {
    writeFileSync(file, await health.bytes(`/message-log/records/${index}/container?${why}`))
    sent.push(JSON.parse(execFileSync('unzip', ['-p', file, 'attachment1'], { encoding: 'utf8' })))
  }
  t.match(sent, [
    { channel: 'letter', actor: CLERK.code, person: WITH_LETTER.code },
    { channel: 'letter', person: AT_HOME.code },
    { channel: 'counter', actor: CLERK.code, mandate: MANDATE, person: citizen().code },
  ])
  t.notOk('actor' in sent[1], 'who answers at home is nobody who signed in')
  const asker = `${servers.population.member}/counter`
  const offers = `serviceId=${colons(`${servers.health.member}/benefits`)}:offers`
  const users = []
  for (const { index } of await list(`${offers}&clientId=${colons(asker)}&limit=50`)) {
    const { metadata } = await health.get<Whole>(`/message-log/records/${index}`)
    users.push({ ...metadata, ...metadata.extra })
  }
  t.ok(users.length > 3)
  const forCitizen = users.find((one) => one['representedParty'] === `/${citizen().code}`)
  t.match(forCitizen, {
    ...{ userId: clerk.code, issue: MANDATE },
    ...{ representation: 'checked', representationBy: `${servers.business.client}/mandates` },
  })
}
