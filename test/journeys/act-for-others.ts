/**
 * People who act for others, over real servers: a parent asks who used a child's data, a clerk at a counter
 * asks for the person who gave them a mandate. Both sides' logs name who acts, for whom and by which mandate;
 * the provider's has the answer of the register besides.
 */
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { type Browser, openBrowser } from '../fakes/openid-provider.ts'
import { until } from '../until.ts'
import { colons, type World } from '../world.ts'
import { ASKING } from './complain-in-sandbox.ts'

type Person = { subject: string; name: string; password: string; code: string }
type Extra = Record<string, string>

const HELP = 'COUNTER:HELP'
/** What the contract says that demands the consent (scripts/sandbox/terms.ts). */
const GRANTS = 'Incomes for start-up grants'
const MANDATE = /^[0-9a-f-]{36}$/

export async function actForOthers(t: Test, world: World): Promise<void> {
  const { portal, counter, servers, login, instance } = world
  const { people } = JSON.parse(readFileSync(login.peopleFile, 'utf8')) as { people: Person[] }
  const [citizen, clerk] = ['citizen', 'kai'].map(
    (who) => people.find(({ subject }) => subject === who)!,
  ) as [Person, Person]
  const register = `${servers.business.client}/mandates`
  const asker = `${servers.population.member}/portal`
  const newest = async (
    server: 'population' | 'tax',
    direction: 'in' | 'out',
    by = asker,
  ): Promise<Extra> => {
    const asked = `kind=request&direction=${direction}&clientId=${colons(by)}&serviceId=${colons(servers.tax.client)}:findUsage&limit=1`
    const [record] = await world.admin[server].get<{ index: number }[]>(`/message-log/records?${asked}`)
    const whole = await world.admin[server].get<{ metadata: Extra & { extra: Extra } }>(
      `/message-log/records/${record!.index}`,
    )
    return { ...whole.metadata, ...whole.metadata.extra }
  }
  const own = openBrowser(t)
  await signIn(own, portal!.url, citizen)
  const choices = (await own.visit(`${portal!.url}/mandates/for`)).text
  const children = [...choices.matchAll(/name="person" value="(P\d{8})"/g)].map(([, code]) => code!)
  t.equal(children.length, 2, 'a child and a ward; a company is not represented here')
  await send(own, portal!.url, '/mandates/for', { person: children[0]! })
  t.match(await uses(own, portal!.url), /<strong>You act for <bdi>[^<]+<\/bdi>/)
  const expected = { userId: citizen.code, representedParty: `/${children[0]}`, issue: MANDATE }
  const provider = await newest('tax', 'in')
  t.match(provider, {
    ...expected,
    representation: 'checked',
    representationBy: register,
    representationAnswer: /=$/,
  })
  t.match(await newest('population', 'out'), { ...expected, representation: 'asserted' })

  await agreeForChild(t, world, { own, child: children[0]! })

  const direct = async (user: string, party: string): Promise<string> => {
    const target = `/r1/${servers.tax.client}/findUsage/concordat/v1/usages?userCode=${party}`
    const headers = { 'X-Road-Client': asker, 'X-Road-UserId': user, 'X-Road-Represented-Party': party }
    const reply = await world.ask('population', target, { headers })
    return `${reply.status} ${String(reply.headers['x-road-error'])}`
  }
  t.match(
    await direct(citizen.code, 'P00000001'),
    /^500 server.serverproxy.representation_refused$/,
    'whatever a portal says',
  )
  t.match(
    await direct(clerk.code, citizen.code),
    /^500 server.serverproxy.representation_refused$/,
    'not yet',
  )

  const desk = openBrowser(t)
  await signIn(desk, counter!.url, clerk)
  t.match((await desk.visit(`${counter!.url}/mandates/for`)).text, /Nobody has given you a mandate/)
  await send(own, portal!.url, '/mandates/for', { person: '' })
  await giveHelp(t, own, portal!.url, clerk)
  await send(desk, counter!.url, '/mandates/for', { person: citizen.code })
  t.match(await uses(desk, counter!.url), new RegExp(`You act for <bdi>${citizen.name}</bdi>`))
  const both = { userId: clerk.code, representedParty: `/${citizen.code}`, issue: MANDATE }
  const ofCounter = `${servers.population.member}/counter`
  const checked = { representation: 'checked', representationBy: register }
  t.match(await newest('tax', 'in', ofCounter), { ...both, ...checked })
  t.match(await newest('population', 'out', ofCounter), both)
  const [, id = ''] =
    /name="id" value="([^"]+)"/.exec((await own.visit(`${portal!.url}/mandates`)).text) ?? []
  await send(own, portal!.url, '/mandates/end', { id, other: clerk.code, act: 'withdraw' })
  t.equal((await desk.visit(`${counter!.url}/`)).status, 403, `taken back at ${instance}`)
  t.match(await direct(clerk.code, citizen.code), /^500 server.serverproxy.representation_refused$/)
}

/**
 * The browser acts for the child: what the parent agrees to is the child's, and the record of the call says
 * so.
 */
async function agreeForChild(
  t: Test,
  world: World,
  { own, child }: { own: Browser; child: string },
): Promise<void> {
  const { tax, business } = world.servers
  const headers = { 'x-road-client': business.client, 'content-type': 'application/json' }
  const income = (code: string) =>
    world.ask('business', `/r1/${tax.client}/incomes/incomes/${code}`, { headers })
  t.match(String((await income(child)).headers['x-road-error']), /consent_missing/)
  type Listed = { contracts: { contract: string; title: string }[] }
  const { contracts } = await world.admin.business.get<Listed>('/contracts?state=ACTIVE')
  const { contract } = contracts.find(({ title }) => title === GRANTS)!
  const asked = await world.ask('business', `/r1/${tax.client}/consents/v1/requests`, {
    ...{ method: 'POST', headers },
    body: JSON.stringify({ contract, userCode: child, returnUrl: 'https://grants.example/back' }),
  })
  const { url } = asked.json() as { url: string }
  const question = await own.visit(url)
  t.match(question.text, /You act for <bdi>/)
  t.match(question.text, /Grants for people who found a company/)
  const fields = Object.fromEntries(
    ['csrf', 'demand', 'language', 'text'].map((name) => [
      name,
      new RegExp(`name="${name}" value="([^"]*)"`).exec(question.text)?.[1] ?? '',
    ]),
  )
  const agreed = await own.visit(url, { form: { ...fields, kind: 'once', answer: 'yes' } })
  t.match((await own.follow(agreed)).text, /You agreed/)
  const given = await income(child)
  t.equal(given.status, 200, given.body.toString())
  t.match(String((await income(child)).headers['x-road-error']), /consent_used_up/)
}

/**
 * The page of who used the data, once both trackers answer: a portal that has just started may have found one
 * of them mute, and not ask it.
 */
function uses(browser: Browser, base: string): Promise<string> {
  return until(
    'both trackers answer',
    async (saw) => {
      const { text } = await browser.visit(`${base}/`)
      saw(text.match(/covered[^>]*>/)?.[0])
      return text.includes('You act for') && !text.includes('class="unanswered"') ? text : undefined
    },
    ASKING,
  )
}

/** The person who is signed in lets the clerk act for them. */
export async function giveHelp(
  t: Test,
  own: Browser,
  base: string,
  { code: identifier, name }: { code: string; name: string },
): Promise<void> {
  const [firstName = '', surname = ''] = name.split(' ')
  const given = await send(own, base, '/mandates/give', { role: HELP, identifier, firstName, surname })
  t.equal(given.headers['location'], '/mandates?done=given')
}

/** Through the form of the development provider. */
export async function signIn(
  browser: Browser,
  base: string,
  { subject, password }: Pick<Person, 'subject' | 'password'>,
): Promise<void> {
  const form = await browser.follow(await browser.visit(`${base}/login`))
  const [, action = ''] = /<form method="post" action="([^"]+)"/.exec(form.text) ?? []
  const sent = await browser.visit(new URL(action, form.url).href, { form: { name: subject, password } })
  const { text } = await browser.follow(sent)
  if (!/You are signed in/.test(text)) throw new Error(`${subject} was not signed in: ${text.slice(0, 300)}`)
}

export async function send(browser: Browser, base: string, at: string, fields: Record<string, string>) {
  const { text } = await browser.visit(`${base}/about`)
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(text) ?? []
  return browser.visit(base + at, { form: { csrf, ...fields } })
}
