/** "My services" over a real life-events adapter, and over systems that are away, break or lie. */
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { openEnds } from '#adapters/kit/messages/ends-fixture.ts'
import {
  birth,
  offersOf,
  PERSON,
  RULE,
  send as sendEvent,
  startLifeEvents,
} from '#adapters/life-events/life-events-fixture.ts'
import { createOfferKeys } from '#adapters/life-events/offer-keys.ts'
import { openOfferStore } from '#adapters/life-events/store.ts'
import type { Offer } from '#schemas/offers.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type Answering, type FakeSystem, send, startUsageServer } from '#test/fakes/usage-systems.ts'
import { startPortal } from '../portal-fixture.ts'
import { readForm, readOffer, readSteps, textIn } from './read-offers.ts'

const SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
const ACCOUNT = 'EE1234567890'
const benefits: FakeSystem = { id: 'DEV/GOV/1004/benefits', name: 'Family benefits', owner: 'Health Agency' }
const land: FakeSystem = { id: 'DEV/GOV/1003/land', name: 'Land register', owner: 'Land Agency' }

const field = (text: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? ''

const CLIENT_OF_PORTAL = 'DEV/GOV/1005/portal'

/** As the security servers pass what the portal asks. */
function passTo(t: Test, life: { running: { url: string } }): Answering {
  const dispatcher = new Agent()
  t.teardown(() => dispatcher.destroy())
  return async ({ method, path, userId = '', body }, response) => {
    const headers = {
      ...{ 'x-road-userid': userId, 'x-road-client': CLIENT_OF_PORTAL },
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const reply = await request(`${life.running.url}${path}`, {
      ...{
        method: method as 'GET',
        headers,
        dispatcher,
        body: body === undefined ? null : JSON.stringify(body),
      },
    })
    send(response, await reply.body.json(), reply.statusCode)
  }
}

t.test('from the offer to the receipt, without script', async (t) => {
  const ends = await openEnds(t)
  const life = await startLifeEvents(t, { ends })
  const pass = passTo(t, life)
  let lies: Answering = (_asked, response) => send(response, {}, 503)
  const server = await startUsageServer(t, [
    { ...benefits, services: { offers: pass } },
    { ...land, services: { offers: (asked, response) => lies(asked, response) } },
  ])
  const portal = await startPortal(t, {
    server: server.url,
    issuer: await startOpenIdProvider(t),
    client: CLIENT,
  })
  const browser = openBrowser(t)
  const at = (path: string): string => `${portal.url}${path}`
  await browser.visit(at('/login'))
  await browser.visit(await browser.toCallback(portal.url, PERSON))
  const empty = await browser.visit(at('/services'))
  t.match(empty.text, /aria-current="page">My services/)
  t.match(empty.text, /Those who answered offer you nothing now/)
  t.notMatch(empty.text, /Nothing is offered/, 'one that could not answer may offer something')
  t.match(empty.text, /1 of 2 systems answered[\s\S]*Land register[\s\S]*too much to do/)

  await sendEvent(ends, life, birth('B-200'))
  const saved = JSON.parse((await browser.visit(at('/everything.json'))).text) as object
  t.match(saved, {
    nothingKnownMissing: false,
    offers: {
      made: [{ toldBy: benefits.id, state: 'offered', course: [{ what: 'offered', channel: 'event' }] }],
      answered: 1,
      notAnswered: [{ system: { id: land.id }, why: 'busy' }],
    },
  })
  const list = (await browser.visit(at('/services'))).text
  t.match(
    list,
    /Waits for you[\s\S]*Family benefit[\s\S]*Why you see this:[\s\S]*birth of your child was registered/,
  )
  const { id } = (await offersOf(life))[0]!
  const query = new URLSearchParams({ system: benefits.id, offer: id }).toString()
  const one = (await browser.visit(at(`/services/one?${query}`))).text
  for (const words of [
    'Nobody has been asked yet',
    'Population register',
    'Who the child is',
    'Family Benefits Act, section 20',
    'Children for family benefits',
  ])
    t.ok(one.includes(words), words)
  t.notMatch(one, /<input type="checkbox"[^>]*checked/, 'nothing is ticked beforehand')
  const hidden = { csrf: field(one, 'csrf'), system: benefits.id, offer: id, shown: field(one, 'shown') }
  t.equal(
    (await browser.visit(at('/services/open'), { form: { ...hidden, csrf: 'x', all: 'yes' } })).status,
    403,
  )
  const otherwise = { ...hidden, shown: 'x'.repeat(43), all: 'yes' }
  t.equal(
    (await browser.visit(at('/services/open'), { form: otherwise })).headers['location'],
    `/services/one?${query}`,
  )
  t.equal(life.asked.length, 0, 'nobody agrees to what the page did not say')

  t.equal((await browser.visit(at('/services/open'), { form: { ...hidden, agreed: 'child' } })).status, 303)
  const some = (await browser.visit(at(`/services/one?${query}`))).text
  t.match(some, /Tax Agency[\s\S]*It was not asked, because you did not agree/)
  t.match(
    some,
    /name="field-childName"[\s\S]*From:[\s\S]*Population register[\s\S]*the register stays as it is[\s\S]*id-1/,
  )
  t.match(some, /Bank account[\s\S]*You say so/)
  await browser.visit(at('/services/open'), { form: { ...hidden, all: 'yes' } })
  t.equal(life.asked.length, 2, 'the other one')

  const refused = await browser.visit(at('/services/submit'), {
    form: { ...hidden, 'field-account': SCRIPT },
  })
  t.equal(refused.status, 422)
  t.match(refused.text, /Nothing was sent[\s\S]*value="&#60;script&#62;/)
  t.notMatch(refused.text, /<img src=x/)
  const filled = {
    'field-childName': 'Mari',
    'field-childBorn': '2026-11-20',
    'field-income': '18000',
    'field-account': ACCOUNT,
  }
  t.equal((await browser.visit(at('/services/submit'), { form: { ...hidden, ...filled } })).status, 303)
  t.match(life.asked.at(-1)!.options, {
    json: {
      person: PERSON,
      fields: {
        childName: { from: 'register' },
        income: { value: 18_000, from: 'person' },
        account: { value: ACCOUNT },
      },
    },
  })
  const sent = (await browser.visit(at(`/services/one?${query}`))).text
  t.match(
    sent,
    /The agency has your application[\s\S]*FB-1[\s\S]*What happened so far[\s\S]*The form was opened\.[\s\S]*by web/,
  )
  for (const language of ['et', 'ko', 'uk'])
    t.equal((await browser.visit(at(`/services/one?${query}&language=${language}`))).status, 200, language)
  await browser.visit(at('/services?language=en'))

  t.equal(
    (await browser.visit(at('/services/decline'), { form: hidden })).status,
    303,
    'it is too late, and the page says how it stands',
  )
  for (const wrong of [
    `system=${land.id}&offer=${id}`,
    `system=DEV/GOV/1/x&offer=${id}`,
    `system=${benefits.id}&offer=${'x'.repeat(22)}`,
    'offer=1',
  ])
    t.ok([404, 502].includes((await browser.visit(at(`/services/one?${wrong}`))).status), wrong)
  lies = ({ path }, response) => {
    const lie = { en: SCRIPT }
    const offer = {
      id: 'y'.repeat(22),
      state: 'offered',
      title: lie,
      why: lie,
      text: lie,
      legalBasis: SCRIPT,
      madeAt: 'x',
      endsAt: '2027-01-01',
      calls: [{ name: SCRIPT, agency: lie }],
    }
    send(
      response,
      path === '/v1/offers'
        ? { offers: [offer, { id: 1 }, null, { ...offer, state: 'constructor' }] }
        : { steps: [{ what: '__proto__', channel: 'web' }] },
    )
  }
  const lied = await browser.visit(
    at(`/services/one?${new URLSearchParams({ system: land.id, offer: 'y'.repeat(22) })}`),
  )
  t.equal(lied.status, 200)
  for (const page of [lied.text, (await browser.visit(at('/services'))).text])
    t.notMatch(page, /<script>alert|<img src=x/)
  for (const line of portal.lines)
    t.notMatch(line, new RegExp(`${PERSON}|${ACCOUNT}|${id}`), 'no line names a person')
})

t.test('by letter, without a login', async (t) => {
  const ends = await openEnds(t)
  const letter = { ...RULE.letter, page: { en: 'Or here', et: 'Või siin' } }
  const life = await startLifeEvents(t, {
    ends,
    ...{ rule: { letter }, more: { letterPages: [CLIENT_OF_PORTAL], counters: ['DEV/GOV/1001/counter'] } },
  })
  const server = await startUsageServer(t, [{ ...benefits, services: { offers: passTo(t, life) } }])
  const portal = await startPortal(t, {
    ...{ server: server.url, issuer: await startOpenIdProvider(t), client: CLIENT },
    settings: { letters: true, person: { claim: 'sub', pattern: '^(P[0-9]{8})$' } },
  })
  await sendEvent(ends, life, birth('B-210'))
  const [{ id }] = (await offersOf(life)) as [Offer]
  const keys = createOfferKeys(Buffer.from('5a'.repeat(32), 'hex'))
  const store = await openOfferStore({ file: life.databaseFile, keys, keepDays: 90, clock: Date.now })
  t.teardown(() => store.close())
  t.ok(await store.setCode(id, 'AAAABBBBCCCC', async () => undefined))
  const browser = openBrowser(t)
  const at = (path: string): string => `${portal.url}${path}`
  t.match((await browser.visit(at('/'))).text, /href="\/letter\?language=en">I have a letter/)
  for (const language of ['et', 'ko', 'uk'])
    t.match((await browser.visit(at(`/letter?language=${language}`))).text, `lang="${language}"`)
  const empty = (await browser.visit(at('/letter?language=et&large=yes'))).text
  t.match(empty, /action="\/letter\?language=et&#38;large=yes"[\s\S]*Health Agency/)

  const typed = { system: benefits.id, code: 'aaaa bbbb cccc', person: ' p0000 0042' }
  const wrong: object[] = [
    { ...typed, code: 'AAAABBBBCCCD' },
    { ...typed, person: 'P00000043' },
    { ...typed, person: SCRIPT },
    { ...typed, code: SCRIPT },
    { ...typed, code: '\u0000' },
    { ...typed, system: land.id },
    { code: typed.code },
    {},
  ]
  const said = new Set<string>()
  for (const form of wrong) {
    const { status, text } = await browser.visit(at('/letter'), { form: form as Record<string, string> })
    t.equal(status, 404)
    t.notMatch(text, /<script>alert|<img src=x|P00000043/)
    said.add(/role="alert">([^<]*)/.exec(text)![1]!)
  }
  t.equal(said.size, 1, 'whatever is wrong is said alike')

  const opened = await browser.visit(at('/letter?language=et'), { form: typed })
  t.match(opened, { status: 200, headers: { 'cache-control': 'no-store' } })
  t.notOk(opened.headers['set-cookie'], 'nothing is kept in the browser')
  t.match(opened.text, /lang="et"[\s\S]*Family benefit \(et\)[\s\S]*action="\/letter\/open\?language=et"/)
  t.notMatch(opened.text, PERSON)
  const hidden = {
    ...{ system: benefits.id, offer: id, shown: field(opened.text, 'shown') },
    ticket: field(opened.text, 'ticket'),
  }
  const asked = await browser.visit(at('/letter/open'), { form: { ...hidden, all: 'yes' } })
  t.match(asked.text, /name="field-childName"[\s\S]*The register gave this\. It is not shown[\s\S]*From:/)
  t.notMatch(asked.text, /Mari|21000/)
  t.notMatch(asked.text, /name="field-childName"[^>]* required/, 'what a register gave need not be typed')
  // What the agencies and the logs see of the ticket opens nothing, nor does one that the portal did not
  // make: nobody is asked.
  const seen = [life.asked, server.asked.filter(({ path }) => path.startsWith('/v1'))]
  const name = life.asked[0]!.options['userId'] as string
  t.match(name, /^letter:[A-Za-z0-9_-]{22}$/)
  t.match(seen[1]![0], { userId: /^letter:/ })
  const [number = '', seal = ''] = hidden.ticket.split('.')
  for (const part of [number, seal])
    t.notOk(JSON.stringify([seen, life.running.lines, portal.lines]).includes(part), 'nobody else has it')
  const before = server.asked.length
  for (const ticket of ['', PERSON, name, name.slice(7), `${name.slice(7)}.${seal}`, `${number}.${number}`])
    for (const way of ['open', 'submit', 'decline'])
      t.match(
        await browser.visit(at(`/letter/${way}?language=et`), {
          form: { ...hidden, ticket, 'field-account': ACCOUNT },
        }),
        { status: 303, headers: { location: '/letter?language=et' } },
      )
  t.equal(server.asked.length, before, 'and no exchange begins')
  const used = await browser.visit(at('/letter'), { form: typed })
  t.match(await browser.visit(at('/letter/decline'), { form: hidden }), {
    ...{ status: 404, text: /The letter is closed/ },
  })
  hidden.ticket = field(used.text, 'ticket')
  const sent = await browser.visit(at('/letter/submit'), { form: { ...hidden, 'field-account': ACCOUNT } })
  t.match(sent.text, /The agency has your application[\s\S]*FB-1[\s\S]*by letter/)
  t.match(life.asked.at(-1)!.options, {
    json: { channel: 'letter', person: PERSON, fields: { childName: { value: 'Mari', from: 'register' } } },
  })
  t.match(await browser.visit(at('/letter'), { form: typed }), { status: 404 }, 'a code is used once')

  const one = async (path: string): Promise<number> => {
    const { statusCode, body } = await request(at(path), { method: 'POST' })
    await body.dump()
    return statusCode
  }
  const tries = [] as number[]
  for (let n = 0; n < 12; n++) tries.push(await one('/letter'))
  t.ok(tries.includes(429), 'one network types few codes')
  for (const line of portal.lines) t.notMatch(line, new RegExp(`${PERSON}|${ACCOUNT}|${id}|AAAABBBB|letter:`))
  for (const line of life.running.lines) t.notMatch(line, new RegExp(`${PERSON}|AAAABBBB`))
})

t.test('what is no offer, no form and no step', (t) => {
  for (const wrong of [
    undefined,
    null,
    [],
    'x',
    {},
    { id: 'x' },
    { id: 'y'.repeat(22), state: 'offered', title: {} },
  ])
    t.equal(readOffer(wrong), undefined)
  for (const wrong of [undefined, {}, { fields: 'x' }]) t.equal(readForm(wrong), undefined)
  const fields = [
    { name: '__proto__', kind: 'text' },
    { name: 'a b', kind: 'text' },
    { name: 'a', kind: 'code' },
    { name: 'b', kind: 'text', from: 'register', value: '\u202e', source: {} },
    null,
  ]
  t.match(readForm({ fields, asked: [{ outcome: 'toString' }] }), {
    fields: [{ name: 'b', from: 'nobody' }],
    asked: [{ outcome: 'away' }],
  })
  t.equal(readForm({ fields })!.fields.length, 1)
  t.strictSame(readSteps(undefined), [])
  t.equal(textIn({}, 'en'), '')
  t.equal(textIn({ et: 'x' }, 'ko'), 'x')
  t.end()
})
