/** People who agree by wallet, on this device or another; who decline, come late, or are somebody else. */
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { type Agreement, transactionOf } from '#core/consent/agreement.ts'
import { verifyAgreement } from '#core/consent/verify-agreement.ts'
import type { AskedConsent, ConsentGiven } from '#schemas/consents.ts'
import type { AttestedAttribute } from '#schemas/contract.ts'
import { keepConsents } from '#test/fakes/consent-systems.ts'
import { type Browser, CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type FakeSystem, startUsageServer } from '#test/fakes/usage-systems.ts'
import { PERSON as PID } from '#test/fakes/wallet/authority.ts'
import { presentAt } from '#test/fakes/wallet/present-at.ts'
import { filesIn, neighbour, state, stranger, walletOf } from '../login/wallet/wallets-fixture.ts'
import { startPortal } from '../portal-fixture.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { wordsOf } from '../texts.ts'
import { beginAgreement, comeBack, showWaiting } from './agree-by-wallet.ts'
import { askingFor } from './ask-wallet.ts'

const PERSON = 'P00000042'
const OTHER = 'P00000043'
const bank: FakeSystem = { id: 'DEV/COM/2001/loans', name: 'Loans', owner: 'Savings Bank' }
const tax: FakeSystem = { id: 'DEV/GOV/1002/tax', name: 'Tax assessment', owner: 'Tax Agency' }
const mine = walletOf(PERSON)
const field = (text: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? ''

/** What the wallet has to have shown and signed: the very consent that was sent. */
function agreementIn(given: ConsentGiven, demand: AskedConsent['demand']): Agreement {
  const { contract, demand: digest, kind, validUntil = '', shown, proof } = given
  return {
    ...{ provider: tax.id, portal: 'DEV/GOV/1005/portal', client: bank.id, services: ['incomes'] },
    ...{
      contract: { id: contract, version: demand.contract.version },
      demand: digest,
      kind,
      validUntil,
      shown,
    },
    askedAt: proof!.askedAt,
    ...(demand.rule.attributes && { attributes: demand.rule.attributes }),
  }
}

void t.test('a person agrees with their wallet', async (t) => {
  const rule = { proof: 'wallet' as const }
  const keeper = keepConsents({ provider: tax, client: bank, person: `EE${PERSON}`, now: Date.now(), rule })
  const server = await startUsageServer(t, [bank, { ...tax, services: { consents: keeper.answers } }])
  const issuer = await startOpenIdProvider(t)
  const settings = { wallets: filesIn(t.testdir()) }
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT, settings })
  const at = (path: string): string => (path.startsWith('http') ? path : `${portal.url}${path}`)
  const browser = openBrowser(t)
  await browser.login(portal.url, PERSON)
  let asked = 0
  const begin = async (answer: string, more: Record<string, string> = {}) => {
    const token = String(asked++).padStart(43, 'k')
    const { demand } = keeper.ask(token)
    const place = `/consents/asked/${tax.id}/${token}`
    const { text } = await browser.visit(at(place))
    const form = Object.fromEntries(
      ['csrf', 'demand', 'language', 'text'].map((name) => [name, field(text, name)]),
    )
    const begun = await browser.visit(at(place), { form: { ...form, answer, kind: 'once', ...more } })
    const wait = await browser.follow(begun)
    const [, link = ''] = /(haip-vp:\/\/\?[^"<]+)/.exec(wait.text.replaceAll('&#38;', '&')) ?? []
    return { text, begun, wait, link, csrf: field(text, 'csrf'), demand, token }
  }
  const nothing = (count: number, why: string) => t.equal(keeper.given.length, count, why)

  await t.test('on this device: the wallet shows and signs exactly what was on the page', async (t) => {
    const { text, link, demand, token } = await begin('same-device')
    t.match(
      text,
      /You agree with your wallet[\s\S]*on this device[\s\S]*on another device[\s\S]*I do not agree/,
    )
    const answered = await presentAt(link, mine)
    const { credentials } = answered.request!['dcql_query'] as { credentials: object[] }
    t.match(credentials, [{ meta: { vct_values: [PID] } }], 'what only attests is not asked for')
    t.equal(credentials.length, 1)
    t.match(answered.redirectUri, new RegExp(`^${portal.url}/consents/wallet/back\\?response_code=`))
    const from = { 'sec-fetch-site': 'cross-site' }
    const stranger = openBrowser(t)
    t.match((await stranger.visit(answered.redirectUri, { headers: from })).text, /response_code=/)
    await stranger.login(portal.url, OTHER)
    t.match(
      (await stranger.visit(answered.redirectUri)).text,
      /Nothing was agreed/,
      "another person's browser",
    )
    nothing(0, 'nothing is sent for them')
    const done = await browser.visit(answered.redirectUri)
    t.match(done.text, /You agreed[\s\S]*state=GIVEN/)
    t.equal(keeper.state(token), 'GIVEN')
    const [given] = keeper.given as [ConsentGiven]
    t.match(given, { kind: 'once', token, shown: { textHash: field(text, 'text') } })
    const agreement = agreementIn(given, demand)
    const proven = verifyAgreement(canonicalJson(given.proof!.presentation), {
      ...{ agreement, transaction: transactionOf(agreement, demand), issuers: [state.trusted] },
      reader: { maxStatusAgeSeconds: 60 },
    })
    t.match(proven, { boundBy: 'transaction data', credentials: [{ claims: [{ values: [PERSON] }] }] })
    t.match((await browser.visit(answered.redirectUri)).text, /Nothing was agreed/, 'once')
    nothing(1, 'sent once')
    const { number } = keeper.consents[0]!
    const kept = await browser.visit(at(`/consents/one?${new URLSearchParams({ system: tax.id, number })}`))
    t.match(kept.text, /You agreed with your wallet/)
    const found =
      /Tax assessment checked the wallet&#39;s answer itself on [^<]+It found:[\s\S]+signed exactly this one[\s\S]+The State issued the credential in the wallet, and had not taken it back[\s\S]+named you, and nobody else[\s\S]+save the consent with its proof/
    t.match(kept.text, found, 'what was checked, when and by whom')
    const paper = `/consents/paper?${new URLSearchParams({ system: tax.id, number })}`
    t.match((await browser.visit(at(paper))).text, found)
    const one: { checked?: unknown } = keeper.consents[0]!
    const { checked } = one
    for (const hostile of [
      ...[
        undefined,
        null,
        'x',
        {},
        { boundBy: 'nonce', credentials: [] },
        { ...(checked as object), boundBy: 'x' },
      ],
      ...[null, {}, { issuer: 7 }, { issuer: 'x\ny' }, { issuer: 'x'.repeat(300) }].map((credential) => ({
        boundBy: 'nonce',
        credentials: [{ issuer: 'The State', hasStatus: true }, credential],
      })),
    ]) {
      one.checked = hostile
      const { text, status } = await browser.visit(at(paper))
      t.match([status, text.includes('How it was checked')], [200, false], JSON.stringify(hostile))
    }
    one.checked = { boundBy: 'nonce', credentials: [{ issuer: '<script>', hasStatus: false }] }
    t.match(
      (await browser.visit(at(paper))).text,
      /signed a number that belongs to exactly this agreement[\s\S]+&#60;script&#62; issued[^<]+No list says whether/,
    )
    one.checked = checked
  })

  await t.test('on another device: the number is typed where the page is', async (t) => {
    const { link, wait, csrf } = await begin('cross-device')
    t.match(
      wait.text,
      /<svg [^>]+aria-label="Scan this code[\s\S]*<button type="submit" class="button">Agree</,
    )
    const say = (number: string, who: Browser = browser, token = csrf) =>
      who.visit(at('/consents/wallet/number'), { form: { number, csrf: token } })
    t.match((await say('123456')).text, /has not answered yet/)
    const { redirectUri } = await presentAt(link, mine)
    const phone = await openBrowser(t).visit(redirectUri)
    const [, number = ''] = /class="typed">(\d{3} \d{3})</.exec(phone.text) ?? []
    t.match(phone.text, /with it an agreement becomes good/)
    t.equal((await say(number, browser, 'x')).status, 403, 'a form of another site')
    t.match((await say('1')).text, /This is not the number on your phone/)
    nothing(1, 'nothing more is sent')
    t.match((await say(number)).text, /You agreed/)
    t.match((await say(number)).text, /Nothing was agreed/, 'once')
    nothing(2, 'sent')
  })

  await t.test('what does not hold sends nothing, and the page says why', async (t) => {
    // The code was photographed, and answered by somebody else: they have the number, but not this session.
    const photographed = await begin('cross-device')
    const theirs = await presentAt(photographed.link, walletOf(OTHER))
    const [, number = ''] =
      /class="typed">(\d{3} \d{3})</.exec((await openBrowser(t).visit(theirs.redirectUri)).text) ?? []
    const typed = await browser.visit(at('/consents/wallet/number'), {
      form: { number, csrf: photographed.csrf },
    })
    t.match([typed.status, typed.text], [403, /another person&#39;s wallet/])
    const here = await begin('same-device')
    const wrong = await presentAt(here.link, walletOf(OTHER))
    t.match((await browser.visit(wrong.redirectUri)).status, 403, 'the wallet of another person')
    const declined = await begin('same-device')
    t.match((await browser.visit(at('/consents/wallet/wait?looked=yes'))).text, /has not answered yet/)
    await presentAt(declined.link, mine, { form: Buffer.from('error=access_denied') })
    t.match((await browser.visit(at('/consents/wallet/wait'))).text, /says that you did not agree/)
    const before = await begin('same-device')
    const late = await presentAt(before.link, mine)
    await begin('same-device')
    t.match(
      (await browser.visit(late.redirectUri)).text,
      /has not answered yet/,
      'an answer to what was given up',
    )
    for (const [wallet, changes, reason] of [
      [mine, { signer: newKey() }, 'key_binding_signature_invalid'],
      [mine, { nonce: 'x'.repeat(64) }, 'key_binding_nonce_mismatch'],
      [walletOf(PERSON, stranger), {}, 'issuer_untrusted'],
    ] as const) {
      const { link } = await begin('same-device')
      t.match(await presentAt(link, wallet, changes), { status: 400, error: reason })
      t.match((await browser.visit(at('/consents/wallet/wait'))).text, /We cannot accept/)
    }
    for (const [name, value] of [
      ['demand', 'f'.repeat(64)],
      ['text', 'f'.repeat(64)],
      ['kind', 'for ever'],
    ] as const)
      t.equal((await begin('same-device', { [name]: value })).begun.status, 409, name)
    for (const path of ['back', 'back?response_code=a', 'wait'])
      t.ok((await openBrowser(t).visit(at(`/consents/wallet/${path}`))).status < 400, `${path} of nobody`)
    nothing(2, 'nothing is sent')
    keeper.refuse(403)
    const refused = await begin('same-device')
    const { redirectUri } = await presentAt(refused.link, mine)
    t.match((await browser.visit(redirectUri)).text, /Your answer was not taken/)
  })
  t.notMatch(portal.lines.join(''), new RegExp(`${PERSON}|${OTHER}|Mets`), 'no line says who it was')
})

void t.test('a contract demands attributes: the wallet is asked for exactly these', async (t) => {
  const place = { format: 'dc+sd-jwt' as const, type: PID, claim: ['age_over_18'] }
  const ofAge = { name: 'Of <age>', values: [true], from: [{ ...place, issuers: ['State'] }] }
  const rule = { proof: 'wallet' as const, attributes: [ofAge] }
  const keeper = keepConsents({ provider: tax, client: bank, person: `EE${PERSON}`, now: Date.now(), rule })
  const server = await startUsageServer(t, [bank, { ...tax, services: { consents: keeper.answers } }])
  const issuer = await startOpenIdProvider(t)
  const settings = { wallets: filesIn(t.testdir()) }
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT, settings })
  const browser = openBrowser(t)
  await browser.login(portal.url, PERSON)
  let asked = 0
  const show = async () => {
    const token = String(asked++).padStart(43, 'm')
    const { demand } = keeper.ask(token)
    const place = `${portal.url}/consents/asked/${tax.id}/${token}`
    return { place, demand, ...(await browser.visit(place)) }
  }
  const begin = async () => {
    const { place, text, demand } = await show()
    const names = ['csrf', 'demand', 'language', 'text']
    const form = Object.fromEntries(names.map((name) => [name, field(text, name)]))
    const begun = await browser.visit(place, { form: { ...form, answer: 'same-device', kind: 'once' } })
    const wait = await browser.follow(begun)
    const [, link = ''] = /(haip-vp:\/\/\?[^"<]+)/.exec(wait.text.replaceAll('&#38;', '&')) ?? []
    return { text, link, demand }
  }
  const wallet = (age: unknown, disclose = ['personal_code', 'age_over_18']) => ({
    ...{ ...walletOf(PERSON), disclose },
    attributes: { personal_code: PERSON, family_name: 'Mets', age_over_18: age },
  })
  const { text, link, demand } = await begin()
  t.match(
    text,
    /What your wallet attests<[\s\S]+Of &#60;age&#62;: yes[\s\S]+for your personal code and for what it has to attest/,
  )
  const { request, redirectUri } = await presentAt(link, wallet(true))
  const { credentials } = request!['dcql_query'] as { credentials: [{ claims: object[] }] }
  t.strictSame(credentials[0].claims, [
    { path: ['personal_code'] },
    { path: ['age_over_18'], values: [true] },
  ])
  const done = await browser.visit(redirectUri)
  t.match(done.text, /You agreed[\s\S]*state=GIVEN/)
  const [given] = keeper.given as [ConsentGiven]
  const agreement = agreementIn(given, demand)
  t.same(agreement.attributes, [ofAge])
  const proven = verifyAgreement(canonicalJson(given.proof!.presentation), {
    ...{ agreement, transaction: transactionOf(agreement, demand), issuers: [state.trusted] },
    reader: { maxStatusAgeSeconds: 60 },
  })
  t.same(proven.attested, [{ name: ofAge.name, type: PID, issuer: 'State' }])
  const { number } = keeper.consents[0]!
  const one = `${portal.url}/consents/one?${new URLSearchParams({ system: tax.id, number })}`
  t.match(
    (await browser.visit(one)).text,
    /The State attested, as the agreement of the two asks: Of &#60;age&#62;/,
  )
  const kept = keeper.consents[0]! as { checked?: object }
  for (const attested of [
    'x',
    [],
    [{}],
    [{ name: 'x', type: 'y' }],
    [{ name: 'x\ny', type: 'y', issuer: 'z' }],
  ]) {
    kept.checked = { ...kept.checked, attested }
    t.notMatch((await browser.visit(one)).text, /How it was checked/, JSON.stringify(attested))
  }

  for (const [what, held, reason] of [
    ['not of age', wallet(false), 'claim_value_mismatch'],
    ['a text', wallet('true'), 'claim_value_mismatch'],
    ['withheld', wallet(true, ['personal_code']), 'claim_missing'],
    ['of another country', { ...wallet(true), authority: neighbour }, 'issuer_untrusted'],
  ] as const)
    t.match(await presentAt((await begin()).link, held), { status: 400, error: reason }, what)
  t.equal(keeper.given.length, 1, 'nothing more is sent')
  for (const [message, shown] of [
    [
      'It is not proven (Of <age> (urn:x): issuer_untrusted)',
      /did not attest enough[\s\S]*asks: Of &#60;age&#62;\./,
    ],
    ['It is not proven (Of <ages> (urn:x): issuer_untrusted)', /Your answer was not taken/],
  ] as const) {
    keeper.refuse(403, message)
    const { redirectUri: back } = await presentAt((await begin()).link, wallet(true))
    t.match((await browser.visit(back)).text, shown)
  }
  t.match(portal.lines.join(''), /"code":"consent_unproven"/)
  keeper.refuse(undefined)
  t.match(portal.lines.join(''), /"reason":"claim_value_mismatch"/)
  t.notMatch(portal.lines.join(''), /age_over_18/, 'no line says what somebody is not')

  const rooms = { wallet: {}, settings: { wallets: settings.wallets } } as never
  const asking = (attributes: AttestedAttribute[], acting?: object) =>
    askingFor({ attributes } as never, { acting } as never, rooms)
  t.match(asking([ofAge]), { question: { linkedBy: 'code' } })
  t.same(asking([ofAge], {}), { cannot: 'asked.attested.self' }, 'nobody attests for another')
  const unknown = { cannot: 'asked.attested.unknown' }
  for (const more of [{ type: 'urn:other' }, { format: 'mso_mdoc' as const }, { issuers: ['Neighbour'] }])
    t.same(asking([ofAge, { name: 'x', from: [{ ...place, ...more }] }]), unknown, JSON.stringify(more))
  demand.rule.attributes![0]!.from[0]!.issuers = ['Neighbour']
  const cannot = await show()
  t.match(cannot.text, /for which this portal cannot ask/)
  t.notMatch(cannot.text, /value="same-device"/, 'and offers no yes')
  for (const attributes of [
    'x',
    [],
    [{ name: 'x' }],
    [{ ...ofAge, name: 'x\ny' }],
    [{ ...ofAge, more: 1 }],
  ]) {
    Object.assign(demand.rule, { attributes })
    t.equal(
      (await show()).status,
      502,
      `what cannot be read is shown to nobody: ${JSON.stringify(attributes)}`,
    )
  }
})

void t.test('what was begun for one is agreed to for nobody else', async (t) => {
  const sent: (string | undefined)[] = []
  const givenUp: string[] = []
  let begun = 0
  const finished = { outcome: { attributes: { code: PERSON }, issuers: [], record: '{}' } }
  const wallet = {
    begin: ({ by }: { by?: string }) => ({ id: `${by} ${++begun}`, browser: 'b' }),
    giveUp: ({ id }: { id: string }) => void givenUp.push(id),
    look: () => ({ state: 'answered' }),
    finish: () => finished,
  }
  const rooms = {
    place: { languages: ['en'], assets: {}, menu: () => [], timeZone: 'UTC', name: '', contact: '' },
    ...{ wallet, clock: Date.now, systems: { offering: async () => ({ asked: [], silent: [] }) } },
    settings: { person: { pattern: '^(P[0-9]{8})$' }, securityServer: { client: 'DEV/GOV/1005/portal' } },
    asking: { userCode: ({ acting }: Visit['reader']['session']) => acting?.code },
    calls: {
      call: async (_session: unknown, _gone: unknown, { query }: { query: { userCode?: string } }) => {
        sent.push(query.userCode)
        return { why: 'busy', code: '', isOpen: false }
      },
    },
  } as never as Rooms
  const demand = { contract: {}, services: [], digest: '', purpose: '', rule: { proof: 'wallet' } }
  const q = {
    ...{ asking: { wallet }, flow: 'same-device', offered: { client: { id: bank.id }, demand } },
    ...{ context: { keeper: { system: { id: tax.id } }, href: '/x' }, given: { kind: 'once' } },
  } as never as Parameters<typeof beginAgreement>[2]
  const words = wordsOf('en', { easy: false, timeZone: 'UTC' })
  const over = new AbortController()
  const kept = { person: { code: PERSON }, by: 'provider', csrfToken: 'c', ended: over.signal, look: {} }
  const visitFor = (code?: string): Visit => {
    const acting = code === undefined ? undefined : { code, name: code }
    const reader = { words, look: {}, session: { ...kept, acting } }
    return { reader, query: new URLSearchParams({ response_code: 'r' }) } as never as Visit
  }
  for (const [begun, then] of [
    ['EECHILD', 'EEOTHER'],
    ['EECHILD', undefined],
    [undefined, 'EECHILD'],
  ]) {
    beginAgreement(visitFor(begun), rooms, q)
    const what = `${begun}, then ${then}`
    t.match(await comeBack(visitFor(then), rooms), { status: 403, page: /Nothing was agreed/ }, what)
    t.match(await comeBack(visitFor(begun), rooms), { status: 403 }, 'it was given up, as the page said')
    beginAgreement(visitFor(begun), rooms, q)
    t.match(await showWaiting(visitFor(then), rooms), { status: 403, page: /Nothing was agreed/ }, what)
  }
  t.strictSame(sent, [], 'nothing is sent')
  for (const about of ['EECHILD', undefined]) {
    beginAgreement(visitFor(about), rooms, q)
    await comeBack(visitFor(about), rooms)
  }
  t.strictSame(sent, ['EECHILD', undefined], 'for whom it was begun it is sent')
  const ended = Array.from({ length: 6 }, (_, n) => `${PERSON} ${n + 1}`)
  t.strictSame(givenUp, ended, 'what ended without an answer takes no place any more')
  for (let n = 0; n < 2; n++) beginAgreement(visitFor(), rooms, q)
  t.strictSame(givenUp.at(-1), `${PERSON} 9`, 'nor what was begun before')
  over.abort()
  t.strictSame(givenUp.at(-1), `${PERSON} 10`, 'who signs out leaves nothing')
  beginAgreement(visitFor(), rooms, q)
  t.strictSame(givenUp.at(-1), `${PERSON} 11`, 'nor what begins after that')
})
