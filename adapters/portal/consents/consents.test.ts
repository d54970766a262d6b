/**
 * Consents of a person over systems that are honest, broken or lie, and requests for one that are used, late,
 * foreign or forged.
 */
import t from 'tap'
import { keepConsents } from '#test/fakes/consent-systems.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type Answering, type FakeSystem, send, startUsageServer } from '#test/fakes/usage-systems.ts'
import type { Session } from '../login/sessions.ts'
import { startPortal } from '../portal-fixture.ts'
import { askedOf } from './call-keeper.ts'
import { groupOf } from './list-page.ts'
import { isServer, readAsked, readConsent, readConsentUse } from './read-consents.ts'

const PERSON = 'P00000042'
const OTHER = 'P00000043'
const SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
const TOKEN = 'k'.repeat(43)

const bank: FakeSystem = { id: 'DEV/COM/2001/loans', name: 'Loans', owner: 'Savings Bank' }
const tax: FakeSystem = { id: 'DEV/GOV/1002/tax', name: 'Tax assessment', owner: 'Tax Agency' }
const land: FakeSystem = { id: 'DEV/GOV/1003/land', name: 'Land register', owner: 'Land Agency' }

const field = (text: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? ''

t.test('a person sees consents, gives one, refuses one and takes one back', async (t) => {
  const keeper = keepConsents({ provider: tax, client: bank, person: `EE${PERSON}`, now: Date.now() })
  let land2: Answering = (_asked, response) => send(response, { type: 'too_many_requests' }, 429)
  const server = await startUsageServer(t, [
    bank,
    { ...tax, services: { consents: keeper.answers } },
    { ...land, services: { consents: (asked, response) => land2(asked, response) } },
  ])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
  const browser = openBrowser(t)
  const at = (path: string): string => `${portal.url}${path}`
  const askedAt = `/consents/asked/${tax.id}/${TOKEN}`
  const { request } = keeper.ask(TOKEN)

  const stranger = await browser.visit(at(askedAt))
  t.match(stranger.text, new RegExp(`href="/login\\?next=${askedAt}&#38;language=en"`))
  await browser.visit(at(`/login?next=${askedAt}`))
  const arrived = await browser.visit(await browser.toCallback(portal.url, PERSON))
  t.match(arrived.text, /You are signed in/)

  const page = await browser.visit(at(askedAt))
  t.match(page.text, /Savings Bank[\s\S]*asks whether it may get data about you from[\s\S]*Tax assessment/)
  for (const words of [
    ...['To check whether you can repay a loan', 'Article 6', 'business register code', 'income', '6 months'],
    ...['At most 2 times a month', 'The last: 1 year', '90 days from your answer', 'If you say no'],
  ])
    t.ok(page.text.includes(words), words)
  const form = (answer: string, more: Record<string, string> = {}): Record<string, string> => ({
    ...Object.fromEntries(
      ['csrf', 'demand', 'language', 'text'].map((name) => [name, field(page.text, name)]),
    ),
    ...{ answer, kind: 'standing', ...more },
  })
  const changes: Record<string, Record<string, string>> = {
    demand: { demand: 'f'.repeat(64) },
    text: { text: 'f'.repeat(64) },
    language: { language: 'uk' },
    kind: { kind: 'for ever' },
  }
  for (const [name, changed] of Object.entries(changes)) {
    const refused = await browser.visit(at(askedAt), { form: form('yes', changed) })
    t.match([refused.status, refused.text], [409, /Please look again[\s\S]*>Open it again</], name)
  }
  t.equal((await browser.visit(at(askedAt), { form: form('yes', { csrf: 'x' }) })).status, 403)
  t.equal(keeper.consents.length, 1, 'nothing was given')

  const agreed = await browser.visit(at(askedAt), { form: form('yes') })
  t.match(agreed.text, /You agreed/)
  t.match(
    agreed.text,
    new RegExp(`href="https://bank.example/loan\\?step=2&#38;request=${request}&#38;state=GIVEN"`),
  )
  t.match(keeper.consents[0], {
    kind: 'standing',
    shown: { language: 'en', textHash: field(page.text, 'text') },
  })
  t.equal((await browser.visit(at(askedAt))).status, 404, 'used')
  t.equal((await browser.visit(at(askedAt), { form: form('yes') })).status, 404, 'twice')

  const list = (await browser.visit(at('/consents'))).text
  t.match(list, /aria-current="page">What I agreed to/)
  t.match(list, /1 of 2 systems answered[\s\S]*Land register[\s\S]*too much to do/)
  t.match(list, /In force[\s\S]*Savings Bank[\s\S]*was not used[\s\S]*Ended[\s\S]*Used 3 times/)
  const query = new URLSearchParams({ system: tax.id, number: keeper.consents[0]!.number }).toString()
  const old = new URLSearchParams({ system: tax.id, number: keeper.consents[1]!.number }).toString()
  t.match(
    (await browser.visit(at(`/consents/one?${old}`))).text,
    /href="\/\?from=[\d-]+&#38;until=[\d-]+#use-DEV-1"/,
  )
  t.equal((await browser.visit(at(`/consents/withdraw?${old}`))).status, 303, 'it is over')
  const saved = JSON.parse((await browser.visit(at('/everything.json'))).text) as object
  t.match(saved, {
    consents: {
      given: [
        { state: 'ACTIVE', agreed: { fields: ['income', 'year', 'businessRegisterCode'] } },
        { state: 'EXPIRED' },
      ],
      notAnswered: [{ system: { id: land.id }, why: 'busy' }],
    },
  })
  const receipt = await browser.visit(at(`/consents/receipt?${query}`))
  t.match(receipt.headers, {
    'content-type': /^application\/ld\+json/,
    'content-disposition': /consent-[0-9a-f-]+\.jsonld/,
  })

  const [shown] = keeper.consents
  t.match(await browser.visit(at(`/consents/paper?${query}`)), {
    status: 200,
    text: new RegExp(
      `Receipt of a consent[\\s\\S]*${shown!.number}[\\s\\S]*Kept at[\\s\\S]*server[\\s\\S]*${shown!.digest}[\\s\\S]*Tax assessment checked that signature on [^<]+as entry 12\\.`,
    ),
  })
  t.equal((await browser.visit(at(`/consents/proof?${query}`))).status, 404, 'no wallet presented anything')

  const confirm = await browser.visit(at(`/consents/withdraw?${query}`))
  t.match(confirm.text, /Take this consent back\?[\s\S]*Within 60 seconds[\s\S]*6 months/)
  const back = Object.fromEntries(
    ['csrf', 'system', 'number'].map((name) => [name, field(confirm.text, name)]),
  )
  await browser.visit(at('/consents/withdraw'), { form: { ...back, csrf: 'x' } })
  t.equal(keeper.consents[0]!.state, 'ACTIVE')
  const done = await browser.follow(await browser.visit(at('/consents/withdraw'), { form: back }))
  t.match(done.text, /You took it back\. Tax assessment confirmed that on[\s\S]*within 60 seconds/)
  t.equal(keeper.consents[0]!.state, 'WITHDRAWN')

  await t.test('a consent given before an office asks, until a day of the person', async (t) => {
    const possible = (await browser.visit(at('/consents/possible'))).text
    t.match(possible, /Tax assessment[\s\S]*Savings Bank[\s\S]*To check whether you can repay a loan/)
    t.match(possible, /Who did not answer[\s\S]*Land register/)
    const [, href = ''] = /href="(\/consents\/give\?[^"]+)"/.exec(possible) ?? []
    const give = href.replaceAll('&#38;', '&')
    const offer = (await browser.visit(at(give))).text
    t.match(offer, /Agree before an office asks[\s\S]*Savings Bank[\s\S]*could get data about you from/)
    const said = (more: Record<string, string>): Record<string, string> => ({
      ...Object.fromEntries(['csrf', 'demand', 'language', 'text'].map((name) => [name, field(offer, name)])),
      ...{ answer: 'yes', kind: 'standing', ...more },
    })
    const inDays = (days: number): string =>
      new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
    const before = keeper.given.length
    for (const until of [inDays(-2), inDays(92), '2026-02-31', 'soon', '9999999-01-01'])
      t.match((await browser.visit(at(give), { form: said({ until }) })).text, /choose another day/, until)
    t.equal((await browser.visit(at(give), { form: said({ text: 'f'.repeat(64) }) })).status, 409)
    for (const name of ['system', 'contract', 'client']) {
      const other = new URL(at(give))
      other.searchParams.set(name, name === 'contract' ? keeper.consents[0]!.number : land.id)
      t.equal((await browser.visit(other.href)).status, 404, name)
    }
    t.equal(keeper.given.length, before, 'nothing was given')
    const until = inDays(10)
    const given = await browser.follow(await browser.visit(at(give), { form: said({ until }) }))
    t.match(given.text, /One consent[\s\S]*Take it back/)
    const [taken] = keeper.given.slice(before)
    t.notOk(taken!.token)
    // The end of that day in Tallinn.
    const end = Date.parse(taken!.validUntil!) - Date.parse(`${until}T00:00:00Z`)
    t.ok(end >= 21 * 3600_000 && end <= 22 * 3600_000, `${taken!.validUntil}`)
    await browser.visit(at(give), { form: said({}) })
    t.ok(
      Date.parse(keeper.given.at(-1)!.validUntil!) > Date.now() + 89 * 86_400_000,
      'the longest, where none is chosen',
    )
  })

  const no = 'n'.repeat(43)
  keeper.ask(no)
  const declined = await browser.visit(at(`/consents/asked/${tax.id}/${no}`), { form: form('no') })
  t.match(declined.text, /You did not agree[\s\S]*state=DECLINED/)
  t.equal(keeper.state(no), 'DECLINED')

  await t.test('what is not for this person, or cannot be believed', async (t) => {
    const cases = {
      late: keeper.ask('l'.repeat(43), { validUntil: '2026-01-01T00:00:00Z' }),
      given: keeper.ask('g'.repeat(43), { state: 'GIVEN' }),
      expired: keeper.ask('e'.repeat(43), { state: 'EXPIRED' }),
    }
    for (const name of Object.keys(cases)) {
      const { status, text } = await browser.visit(at(`/consents/asked/${tax.id}/${name[0]!.repeat(43)}`))
      t.match([status, text], [404, /Nothing is asked of you here/], name)
    }
    for (const [name, returnUrl] of [
      ...[
        ['script', 'javascript:alert(1)'],
        ['plain', 'http://bank.example/'],
        ['data', 'data:text/html,x'],
      ],
      ...[
        ['user', 'https://bank.example@evil.example/'],
        ['none', ''],
      ],
    ] as [string, string][]) {
      const token = `r${name}`.padEnd(43, 'x')
      keeper.ask(token, { returnUrl })
      const { status } = await browser.visit(at(`/consents/asked/${tax.id}/${token}`))
      t.equal(status, 502, name)
    }
    keeper.ask('o'.repeat(43))
    const other = openBrowser(t)
    await other.login(portal.url, OTHER)
    t.equal(
      (await other.visit(at(`/consents/asked/${tax.id}/${'o'.repeat(43)}`))).status,
      404,
      'photographed',
    )
    t.equal((await other.visit(at(`/consents/one?${query}`))).status, 404, "another person's")
    server.asked.length = 0
    for (const path of [
      ...[`/consents/asked/DEV/GOV/9/evil/${TOKEN}`, `/consents/asked/${tax.id}/short`, '/consents/one'],
      ...[`/consents/one?system=DEV/GOV/9/evil&number=${keeper.consents[0]!.number}`],
      ...[`/consents/one?system=${tax.id}&number=../../etc`, `/consents/receipt?system=${tax.id}&number=1`],
    ])
      t.equal((await browser.visit(at(path))).status, 404, path)
    t.strictSame(server.asked, [], 'nobody was asked')
    land2 = (_asked, response) => send(response, { consents: [{ ...keeper.consents[0] }, null, 7, {}] })
    t.match(
      (await browser.visit(at('/consents'))).text,
      /2 of 2 systems answered\.\s+What they told may have gaps/,
    )
  })
  t.notMatch(
    portal.lines.join(''),
    new RegExp(`${PERSON}|${TOKEN}|Savings Bank`),
    'no line says whose, or the secret',
  )
})

t.test(
  'who comes signed out to what another server keeps is asked by that server once signed in',
  async (t) => {
    const keeper = keepConsents({ provider: tax, client: bank, person: `EE${PERSON}`, now: Date.now() })
    const KEEPER = 'DEV/GOV/1002/two%20b'
    const server = await startUsageServer(t, [
      bank,
      {
        ...tax,
        services: {
          consents: (asked, response) =>
            asked.path.startsWith('/v1/asked') && asked.securityServer !== KEEPER
              ? send(response, { type: 'not_found' }, 404)
              : keeper.answers(asked, response),
        },
      },
    ])
    const issuer = await startOpenIdProvider(t)
    const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
    const browser = openBrowser(t)
    const address = `/consents/asked/${tax.id}/${TOKEN}/${KEEPER}`
    keeper.ask(TOKEN)
    const [, next = ''] =
      /href="(\/login\?next=[^"&]+)[&"]/.exec((await browser.visit(`${portal.url}${address}`)).text) ?? []
    const arrived = await browser.visit(
      await browser.toCallback(portal.url, PERSON, undefined, undefined, next),
    )
    t.match(arrived.text, `url=${address}`)
    const page = await browser.visit(`${portal.url}${address}`)
    t.match(page.text, /asks whether it may get data about you/)
    t.match(page.text, `action="${address}"`)
    const form = Object.fromEntries(['csrf'].map((name) => [name, field(page.text, name)]))
    const declined = await browser.visit(`${portal.url}${address}`, { form: { ...form, answer: 'no' } })
    t.match([declined.status, keeper.state(TOKEN)], [200, 'DECLINED'])
    server.asked.length = 0
    for (const wrong of ['DEV/GOV/1002', 'DEV/GOV/1002/%2F', 'DEV/GOV/1002/%00', 'DEV/GOV/1002/one/x'])
      t.equal(
        (await browser.visit(`${portal.url}/consents/asked/${tax.id}/${TOKEN}/${wrong}`)).status,
        404,
        wrong,
      )
    t.strictSame(server.asked, [], 'nobody was asked')
  },
)

t.test('who acts for somebody is answered about them, by the server that keeps the consent', (t) => {
  const asking = { userCode: () => 'EEP9' }
  const session = { acting: { code: 'P9' } } as Session
  const asked = { method: 'GET', path: '/v1/consents', query: { cursor: 'x' } } as const
  const system = { id: tax.id, name: '', owner: '' }
  t.match(askedOf({ system, server: 'DEV/GOV/1002/one' }, session, asking, asked), {
    ...{ service: `${tax.id}/consents`, query: { cursor: 'x', userCode: 'EEP9' } },
    securityServer: 'DEV/GOV/1002/one',
  })
  const own = askedOf({ system }, { ...session, acting: undefined }, asking, asked)
  t.strictSame(own.query, { cursor: 'x' })
  t.notOk('securityServer' in own)
  for (const server of [
    '',
    'x',
    'a/b/c',
    'a/b/c/d/e',
    'a/b/../d',
    'a/b/c/\u0000',
    7,
    null,
    `a/b/c/${'d'.repeat(300)}`,
  ])
    t.notOk(isServer(server), String(server))
  t.ok(isServer('DEV/GOV/1002/one'))
  t.end()
})

t.test('an answer that is broken or lies is no consent', (t) => {
  const told = { id: tax.id, name: tax.name, owner: tax.owner }
  const names = { systems: new Map([[tax.id, told]]), members: new Map() }
  const keeper = keepConsents({
    provider: tax,
    client: bank,
    person: 'x',
    now: Date.parse('2026-11-29T14:00:00Z'),
  })
  const good = keeper.consents[0]!
  const asked = keeper.ask(TOKEN)
  t.match(readConsent(told, good, names), {
    number: good.number,
    client: { owner: 'DEV/COM/2001 “Savings Bank”' },
  })
  t.match(readAsked(told, asked, names), { client: { id: bank.id } })
  const { agreed } = good
  const wrong: object[] = [
    ...[
      { number: 'x' },
      { state: 'GOOD' },
      { kind: 'always' },
      { givenAt: 'now' },
      { validUntil: 7 },
      { client: null },
    ],
    ...[
      { client: { id: '../..' } },
      { digest: 'x' },
      { shown: { language: 'en', textHash: '<b>' } },
      { agreed: { ...agreed, demand: 'x' } },
      { agreed: { ...agreed, purpose: 'a\u0000' } },
    ],
    { agreed: { ...agreed, provider: { id: 'DEV:GOV:1003:land' } } },
    ...[{ maxDays: 0 }, { kinds: [] }, { proof: 'word' }, { dataLife: { unit: 'week', value: 1 } }].map(
      (one) => ({
        agreed: { ...agreed, rule: { ...agreed.rule, ...one } },
      }),
    ),
    ...[{ range: { unit: 'day' } }, { frequency: { times: 1.5, per: 'day' } }].map((one) => ({
      agreed: { ...agreed, rule: { ...agreed.rule, ...one } },
    })),
  ]
  for (const one of wrong)
    t.equal(readConsent(told, { ...good, ...one }, names), undefined, JSON.stringify(one).slice(0, 60))
  for (const one of [null, [], 'x', 7, {}]) {
    t.equal(readConsent(told, one, names), undefined)
    t.equal(readAsked(told, one, names), undefined)
    t.equal(readConsentUse(told, one, names), undefined)
  }
  const anything = {
    ...good,
    agreed: { ...agreed, services: [...agreed.services, { serviceCode: 'all', endpoints: [] }] },
  }
  t.strictSame(
    readConsent(told, anything, names)?.demand.fields,
    [],
    'one service without fields may give anything',
  )
  const many = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, at) => `/f${from + at}`)
  const shownOf = (...lists: unknown[][]) => {
    const services = lists.map((responseFields) => ({ ...agreed.services[0]!, responseFields }))
    return readConsent(told, { ...good, agreed: { ...agreed, services } }, names)?.demand.fields.length
  }
  const long = `/${'x'.repeat(99)}`.repeat(16)
  t.equal(shownOf(many(0, 200), many(200, 350), [long]), 351, 'all that a contract can name')
  for (const one of [many(0, 201), ['/a', 7], ['/a', '/b\u202e'], ['/a', `${long}${long}`]])
    t.equal(shownOf(['/c'], one), 0, 'what cannot be shown whole is shown as anything')
  const use = {
    time: '2026-11-01T00:00:00Z',
    messageId: SCRIPT,
    requestId: '',
    service: { id: 'DEV:GOV:1002:tax:incomes' },
  }
  t.match(readConsentUse(told, use, names), { messageId: SCRIPT })
  t.equal(readConsentUse(told, { ...use, service: { id: 'DEV:GOV:1003:land:s' } }, names), undefined)
  const now = Date.parse('2026-11-29T14:00:00Z')
  const state = (state: 'ACTIVE' | 'USED_UP' | 'WITHDRAWN', validUntil: string): string =>
    groupOf({ state, validUntil }, now)
  t.strictSame(
    [
      ...[state('ACTIVE', '2026-12-01T00:00:00Z'), state('ACTIVE', '2026-11-29T14:00:00Z')],
      ...[state('USED_UP', '2026-12-01T00:00:00Z'), state('WITHDRAWN', '2026-12-01T00:00:00Z')],
    ],
    ['active', 'ended', 'ended', 'withdrawn'],
  )
  t.end()
})
